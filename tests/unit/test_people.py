"""People to be called, as spreadsheets write them."""

import pytest

from ui.people import NoPeople, people


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_columns_beside_the_number_are_dynamic_variables(separator: str) -> None:
    lines = [["phone_number", "name"], ["+12125550142", "Åsa"], ["", ""]]
    content = "\r\n".join(separator.join(line) for line in lines).encode("utf-8-sig")
    assert people(content) == [
        {
            "phone_number": "+12125550142",
            "conversation_initiation_client_data": {"dynamic_variables": {"name": "Åsa"}},
        }
    ]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no column phone_number"),
        (b"phone,name\n1,2\n", "it has phone, name"),
        (b"phone_number\n", "names nobody"),
        ("phone_number\nÅ\n".encode("utf-16"), "UTF-8"),
        (b"phone_number,name\n+12125550142,A\n,\n12125550143,B\n", "line 4: 12125550143[.]$"),
        (b"name,phone_number\nA\n", "line 2: none[.]$"),
        (b"phone_number\n" + b"1\n" * 5, "line 4: 1; and 2 more[.]$"),
    ],
)
def test_a_file_that_is_none_is_refused_with_the_reason(content: bytes, why: str) -> None:
    with pytest.raises(NoPeople, match=why):
        people(content)


def test_a_line_with_more_fields_than_columns_is_read_as_far_as_it_is_named() -> None:
    (one,) = people(b"phone_number,name\n+12125550142,Ada,extra\n")
    assert one["conversation_initiation_client_data"] == {"dynamic_variables": {"name": "Ada"}}
