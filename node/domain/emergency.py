"""The number to call where somebody is in danger now, by country.

Guarantees: a number stands here only where it is the country's own and leads to the police from every
telephone; what is not known is left to the reader, who knows it, and to mobile telephones, which lead 112 to
whoever is there. A wrong number costs more than none.
"""

from collections.abc import Mapping
from types import MappingProxyType

_COUNTRIES = {
    "112": (
        "AT BE BG CY CZ DE DK EE ES FI FR GE GR HR HU IE IN IS IT KR KW KZ LI LT LU LV MD MT NL NO PL PT RO "
        "RU SE SI SK TR"
    ),
    "911": "CA CR DO EC HN JO MX PH PY SV US UY",
    "999": "AE BD GB HK KE MY QA SG",
    "110": "CN GT JP TW",
    "122": "BA EG ME",
    "100": "IL NP",
    "000": "AU",
    "102": "UA",
    "105": "PE",
    "111": "NZ",
    "113": "VN",
    "117": "CH",
    "119": "LK",
    "123": "CO",
    "133": "CL",
    "15": "PK",
    "190": "BR",
    "191": "TH",
    "192": "RS",
    "197": "TN",
    "10111": "ZA",
}
POLICE: Mapping[str, str] = MappingProxyType(
    {country: number for number, countries in _COUNTRIES.items() for country in countries.split()}
)
"""By ISO 3166-1 alpha-2 code."""

MOBILE = "112"
"""What a mobile telephone leads to the emergency service of wherever it is (3GPP TS 22.101)."""
