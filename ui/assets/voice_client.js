class DialgraphVoice extends HTMLElement {} ; customElements.define("dialgraph-voice", DialgraphVoice);
