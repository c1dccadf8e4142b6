"""What the line itself says when the graph cannot: data, by language."""

from typing import Final

PHRASES: Final[dict[str, dict[str, str]]] = {
    "en": {
        "apology": "Sorry, something went wrong on my side. Please say that again.",
        "not_heard": "Sorry, I did not catch that. Please say it again.",
        "give_up": "I am sorry, I cannot go on with this call. Please ring again later. Goodbye.",
        "one_moment": "One moment, please.",
        "silence": "Are you still there?",
        "silence_end": "I cannot hear you, so I will hang up now. Goodbye.",
        "too_long": "We have reached the end of our time. Thank you for calling. Goodbye.",
        "recorded": "This call is recorded.",
        "busy": "All lines are busy at the moment. Please call again later. Goodbye.",
        "too_often": "You have called many times in the last hour. Please call later. Goodbye.",
        "on_the_phone": "A telephone call goes on in this conversation. Wait until it is over.",
        "accept": "Press 1 to take the call, or any other key to decline.",
        "still_ringing": "I am still trying to reach them. One moment, please.",
        "transfer_failed": "I am sorry, I could not reach anybody. How can I help you?",
        "opted_out": "Understood. You will not be called or written to again.",
        "not_answered": "Sorry, something went wrong on our side. Please write again.",
        "closing": "The service is about to restart. Please call again in a minute. Goodbye.",
    },
    "hi": {
        "apology": "माफ़ कीजिए, मेरी तरफ़ से कुछ गड़बड़ हुई। कृपया फिर से कहिए।",
        "not_heard": "माफ़ कीजिए, मैं सुन नहीं पाई। कृपया फिर से कहिए।",
        "give_up": "माफ़ कीजिए, मैं यह कॉल जारी नहीं रख सकती। कृपया बाद में फ़ोन कीजिए। नमस्ते।",
        "one_moment": "एक क्षण, कृपया।",
        "silence": "क्या आप लाइन पर हैं?",
        "silence_end": "मुझे आपकी आवाज़ नहीं आ रही, इसलिए मैं फ़ोन रख रही हूँ। नमस्ते।",
        "too_long": "हमारा समय पूरा हो गया है। फ़ोन करने के लिए धन्यवाद। नमस्ते।",
        "recorded": "यह कॉल रिकॉर्ड की जा रही है।",
        "busy": "इस समय सभी लाइनें व्यस्त हैं। कृपया बाद में फ़ोन कीजिए। नमस्ते।",
        "too_often": "पिछले एक घंटे में आपने कई बार फ़ोन किया है। कृपया बाद में फ़ोन कीजिए। नमस्ते।",
        "on_the_phone": "इस बातचीत पर अभी फ़ोन कॉल चल रही है। उसके ख़त्म होने तक रुकिए।",
        "accept": "कॉल लेने के लिए 1 दबाइए, मना करने के लिए कोई और बटन।",
        "still_ringing": "मैं अब भी उनसे संपर्क करने की कोशिश कर रही हूँ। एक क्षण, कृपया।",
        "transfer_failed": "माफ़ कीजिए, कोई नहीं मिला। मैं आपकी क्या मदद कर सकती हूँ?",
        "opted_out": "समझ गए। अब आपको न फ़ोन किया जाएगा, न संदेश भेजा जाएगा।",
        "not_answered": "माफ़ कीजिए, कुछ गड़बड़ हुई। कृपया फिर से लिखिए।",
        "closing": "सेवा फिर से शुरू होने वाली है। कृपया एक मिनट बाद फ़ोन कीजिए। नमस्ते।",
    },
}


def phrase(key: str, language: str = "en") -> str:
    """Return a phrase in a language, in English where that language is not there."""
    return PHRASES.get(language, PHRASES["en"])[key]
