"""Invented people for the practice school, with names from many places."""

from __future__ import annotations

import random
import unicodedata
from typing import NamedTuple

from cohort_core.practice.school import Row, hex_id

MENTORS = (
    ("Mira Okonkwo-Lindqvist", "Tuesday"),
    ("Seán O'Rourke", "Tuesday"),
    ("Thảo Nguyễn", "Thursday"),
    ("Eduardo García Márquez", "Thursday"),
)


WITHOUT_ADDRESS = ("Björk", "Guðmundsdóttir")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


REGIONS = ("North", "South", "East", "West")

# Written by hand. The first are names as people have them, and difficult for a program that reads ASCII or
# expects names of exactly two parts. The last four are of nobody: code for a program that reads Markdown,
# HTML or CSV. They are in a class of their own.
AWKWARD = (
    ("Tiago", "Vasconcelos"),
    ("Siobhán", "O'Brien"),
    (unicodedata.normalize("NFD", "Zoë"), unicodedata.normalize("NFD", "Åkerström-Nuñez")),
    ("María José", "de la Cruz y Peña"),
    ("Anne-Marie", "Saint-Pierre"),
    ("Nguyễn Thị", "Hồng Nhung"),
    ("Łukasz", "Wiśniewski"),
    ("Ravi", "Subramaniam"),
    ("李", "小龙"),
    ("Aminata", "N'Diaye"),
    ("محمد", "الفارسي"),
    ("Jürgen", "Müller-Lüdenscheidt"),
    ("Ñandú", "D'Angelo"),
    ("Björk", "Guðmundsdóttir"),
    ("Ольга", "Кузнецова"),
    ("J. R.", "O'Leary"),
    ("![x](http://127.0.0.1:9/p.png) **b**", "<script>alert(1)</script> $x$ :red[r]"),
    ("*Star*", "_Underscore_"),
    ("=Ravi", "+Subramaniam"),
    ("J. R.", "[Link](https://example.com)"),
)

FIRST = _words("""
    Ada Aisha Akira Alejandra Amara Ananya Anders Anouk Asha Ayumi Beatriz Benedikt Bilal Blessing
    Bogdan Camille Carlos Catarina Chidi Chloé Daniela Dariusz Deepa Diego Dilara Ebony Eero Elif Emeka
    Esperanza Fatima Fernando Freya Gabriela Giulia Grace Habiba Hamza Hana Haruto Hassan Hélène Ibrahim
    Ifeoma Ines Ingrid Isla Ivana Jamal Jana Jasper Ji-woo João Kaveh Keisha Khadija Kofi Laila Lars
    Leila  Linh Luca Lucía Maja Malik Mateo Mei Mihai Mila Mohammed Naledi Naomi Nikhil Noor Olamide
    Omar Oskar  Padma Paolo Priya Quentin Rania Ravi Renée Rosa Sadia Samir Sanne Selin Shreya Sofia
    Sven Tamar Tariq  Thabo Tomás Uma Valentina Viktor Wanjiru Wei Xin Yara Yusuf Zanele Zoltán
""")

LAST = _words("""
    Abdi Adeyemi Afolabi Aguilar Ahmed Akhtar Almeida Álvarez Andersson Baker Banerjee Baptiste Becker
    Bello Bianchi Boateng Brown Chakraborty Chen Cohen Costa Cruz Dąbrowski Demir Diallo Dubois Eriksson
    Estrada Farah Fernandes Fischer Flores Fontaine Fraser Gallagher García Ghosh Goldberg González
    Gupta  Haddad Hansen Hernández Hoang Horvat Hussein Ito Ivanov Jackson Jansen Johansson Joshi Kamau
    Kaplan Kaya  Khan Kim Kowalczyk Kumar Larsen Lee Lefèvre Lindgren Lopes Mahlangu Marković Martin
    Mbeki Mendoza Mensah  Mohamed Morales Moreau Murphy Mwangi Nakamura Ndlovu Nielsen Novák Nowak Nwosu
    Odhiambo Okafor Oliveira  Özdemir Papadopoulos Park Patel Pereira Petrov Pham Popescu Quispe Rahman
    Ramírez Reyes Rossi Sánchez  Santos Sato Schmidt Sharma Silva Singh Sithole Smith Suzuki Takahashi
    Tanaka Torres Tran Vargas Virtanen  Wagner Walker Wang Weber Williams Wójcik Yamamoto Yıldız Zhang
    Zulu
""")


class Person(NamedTuple):
    """An invented person; ``email`` is empty for the student who has no address upstream."""

    id: str
    first_name: str
    last_name: str
    email: str

    def as_user(self) -> Row:
        """Return the person as the ``user`` of a progression."""
        return {**self._asdict(), "email": self.email or None}


def invented(seed: int, *key: object) -> Person:
    """Invent a person who depends on seed and key alone."""
    rng = random.Random(f"{seed}/person/{key}")
    return person(hex_id(seed, "person", *key), rng.choice(FIRST), rng.choice(LAST))


def person(identity: str, first_name: str, last_name: str) -> Person:
    """Make a person with an address from the name.

    Some digits of the id make the addresses of two people of the same name different.
    """
    if (first_name, last_name) == WITHOUT_ADDRESS:
        return Person(identity, first_name, last_name, "")
    plain = unicodedata.normalize("NFKD", f"{first_name}.{last_name}").lower()
    local = "".join(c for c in plain if c.isascii() and (c.isalnum() or c in ".-"))
    parts = [part for part in local.split(".") if part]
    return Person(
        identity, first_name, last_name, f"{'.'.join([*parts, identity[:4]])}@students.practice.example"
    )
