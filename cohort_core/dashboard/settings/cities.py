"""Time zones by city: those that zones are named after, and large ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

LARGE_CITIES = """
America/Argentina/Buenos_Aires Rosario, La Plata
America/Bogota Medellin, Cali
America/Chicago Dallas, Houston, San Antonio, Austin, Fort Worth, Minneapolis, St. Louis, Nashville, Memphis,\
 New Orleans, Kansas City, Milwaukee, Oklahoma City, Omaha, Bowling Green, Owensboro, Paducah
America/Denver Salt Lake City, Albuquerque, Colorado Springs, El Paso
America/Kentucky/Louisville Frankfort (Kentucky), Elizabethtown
America/Los_Angeles San Francisco, San Diego, San Jose, Seattle, Portland, Sacramento, Las Vegas, Oakland
America/Mexico_City Guadalajara, Puebla
America/New_York Washington, Boston, Philadelphia, Atlanta, Miami, Charlotte, Pittsburgh, Cleveland,\
 Columbus, Cincinnati, Baltimore, Orlando, Tampa, Buffalo, Raleigh, Lexington, Knoxville, Ashland, Pikeville
America/Sao_Paulo Rio de Janeiro, Brasilia, Belo Horizonte, Curitiba, Porto Alegre
America/Toronto Ottawa, Montreal, Quebec
America/Vancouver Victoria
America/Edmonton Calgary
Africa/Casablanca Rabat, Marrakesh
Africa/Johannesburg Cape Town, Durban, Pretoria
Africa/Lagos Abuja, Ibadan, Kano
Africa/Cairo Alexandria, Giza
Africa/Nairobi Mombasa
Asia/Dubai Abu Dhabi
Asia/Ho_Chi_Minh Hanoi, Saigon
Asia/Jakarta Bandung, Surabaya
Asia/Karachi Islamabad, Lahore
Asia/Kolkata Delhi, New Delhi, Mumbai, Bangalore, Bengaluru, Chennai, Hyderabad, Pune, Ahmedabad
Asia/Riyadh Jeddah, Mecca
Asia/Shanghai Beijing, Shenzhen, Guangzhou, Chengdu, Wuhan
Asia/Tokyo Osaka, Kyoto, Yokohama, Nagoya
Asia/Jerusalem Tel Aviv, Haifa
Australia/Sydney Canberra, Newcastle
Australia/Brisbane Gold Coast
Europe/Berlin Munich (München), Hamburg, Cologne (Köln), Frankfurt, Stuttgart, Leipzig, Dresden, Düsseldorf
Europe/Istanbul Ankara, Izmir
Europe/Kyiv Kharkiv, Lviv, Odesa
Europe/London Birmingham, Manchester, Edinburgh, Glasgow, Cardiff, Liverpool, Leeds, Bristol
Europe/Madrid Barcelona, Valencia, Seville
Europe/Moscow Saint Petersburg
Europe/Paris Lyon, Marseille, Toulouse, Lille
Europe/Rome Milan, Naples, Turin, Florence
Europe/Warsaw Krakow (Kraków), Wroclaw (Wrocław), Gdansk (Gdańsk)
Europe/Zurich Zürich, Geneva, Basel, Bern
Europe/Amsterdam Rotterdam, The Hague, Utrecht
Europe/Brussels Antwerp, Ghent
Europe/Lisbon Porto
Europe/Vienna Wien, Graz, Salzburg
Pacific/Auckland Wellington, Christchurch
"""
"""Cities that people look for and that no zone is named after, by zone."""


@dataclass(frozen=True)
class City:
    """A city with its time zone; the zone "" stands for no choice."""

    zone: str
    name: str = ""
    country: str = ""

    @property
    def clock(self) -> str:
        """The city with its country, the short name of its zone and its present time.

        For example "New York, United States (EST), now 16:05".
        """
        now = datetime.now(ZoneInfo(self.zone))
        short = now.tzname() or ""
        place = ", ".join(filter(None, (self.name, self.country)))
        is_named = short[:1].isalpha() and short != self.name
        return f"{place} ({short}), now {now:%H:%M}" if is_named else f"{place}, now {now:%H:%M}"


NO_CITY = City("")


@cache
def cities() -> tuple[City, ...]:
    """Return all cities by name, each with its zone."""
    countries = _countries()
    named = [City(zone, city_name(zone), country) for zone, country in countries.items()]
    large = [
        City(zone, city.strip(), countries.get(zone, ""))
        for zone, names in (line.split(" ", 1) for line in LARGE_CITIES.strip().splitlines())
        for city in names.split(",")
    ]
    return (City("UTC", "UTC"), *sorted([*named, *large], key=lambda city: city.name.casefold()))


def city_of(zone: str) -> City:
    """Return the city that a zone is named after; any zone has one."""
    return City(zone, city_name(zone), _countries().get(zone, ""))


def city_name(zone: str) -> str:
    return zone.rsplit("/", 1)[-1].replace("_", " ")


@cache
def _countries() -> dict[str, str]:
    """Return the name of the country of each zone that is named after a place."""
    folder = files("tzdata").joinpath("zoneinfo")
    names = dict(_lines(folder.joinpath("iso3166.tab").read_text("utf-8")))
    rows = _lines(folder.joinpath("zone.tab").read_text("utf-8"))
    return {zone: names.get(code, "") for code, _, zone, *_ in rows}


def _lines(table: str) -> list[list[str]]:
    return [line.split("\t") for line in table.splitlines() if line and not line.startswith("#")]
