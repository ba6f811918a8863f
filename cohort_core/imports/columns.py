"""The meanings of columns, by the headers that spreadsheets and learning platforms give them.

Headers are compared without case, accents, blanks and punctuation. The languages are English, German, French,
Spanish, Portuguese, Italian, Dutch and Polish.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

STUDENT_ID, EMAIL, LOGIN = "student_id", "email", "login"
FIRST_NAME, LAST_NAME, NAME = "first_name", "last_name", "name"
FULL_NAME, LAST_FIRST = "full_name", "last_first"
NIGHT, REGION, CLASS_NAME = "night", "region", "class_name"
ENROLLED_ON, WITHDRAWN_ON = "enrolled_on", "withdrawn_on"
MENTOR_NAME = "mentor_name"

NAMES = frozenset({FIRST_NAME, LAST_NAME, NAME, FULL_NAME, LAST_FIRST})
PERSON = frozenset({STUDENT_ID, EMAIL, LOGIN}) | NAMES
"""The meanings that say who a line is about.

`login` is an email if it has an @, else a number.
"""
MENTOR = NAMES | {MENTOR_NAME}

_SYNONYMS = {
    STUDENT_ID: """
        id, student id, student number, student no, student nr, user id, user number, id number, sis id,
        sis user id, openclass id, person id, learner id, participant id, external id, unique id,
        unique user id, org defined id,
        matriculation number, enrolment number, enrollment number, admission number,
        Matrikelnummer, Schülernummer, Teilnehmernummer, numéro étudiant, numéro d'étudiant, identifiant,
        matrícula, número de estudiante, número de alumno, número de matrícula, número de aluno,
        numero di matricola, matricola, studentnummer, leerlingnummer, numer albumu, numer studenta""",
    EMAIL: """
        email, email address, email id, emails, e mail, mail, mail address, mail id, primary email,
        personal email, school email, work email, university email, contact email, preferred email,
        email primary, email personal, email school, email work, your email, email 1, email 2, email 1 value,
        email 2 value, user email, e mail adresse, mailadresse, Email-Adresse, Emailadresse,
        adresse e-mail, adresse mail, adresse email, adresse électronique, adresse de courriel, courriel,
        mél, courrier électronique, correo, correo electrónico, dirección de correo,
        dirección de correo electrónico, dirección de email, correo e, e-mail institucional,
        correo institucional, correio eletrônico, correio electrónico, endereço de e-mail,
        endereço de email, indirizzo email, indirizzo e-mail, indirizzo di posta elettronica,
        posta elettronica, indirizzo mail, e-mailadres, mailadres, adres e-mail, adres email, poczta,
        adres poczty elektronicznej, adres mailowy""",
    LOGIN: """
        login, login id, sis login id, username, user name, user principal name, upn, userid login,
        Benutzername, Anmeldename, nom d'utilisateur, nombre de usuario, usuario, nome de usuário,
        nome de utilizador, nome utente, gebruikersnaam, nazwa użytkownika""",
    FIRST_NAME: """
        first name, firstname, first names, first, given name, given names, given, forename, forenames,
        name first, legal first name, Vorname, Vornamen, Rufname, prénom, prénoms, nombre de pila, nombres,
        primer nombre, primeiro nome, nome próprio, nome di battesimo, voornaam, voornamen, roepnaam, imię,
        imiona""",
    LAST_NAME: """
        last name, lastname, last names, last, surname, surnames, family name, familyname, second name,
        name last, legal last name, Nachname, Nachnamen, Familienname, Zuname, nom de famille,
        nom patronymique, apellido, apellidos, primer apellido, sobrenome, apelido, apelidos,
        último nome, cognome, achternaam, familienaam, nazwisko""",
    NAME: "name, names, nom, nombre, nome, naam, your name",
    FULL_NAME: """
        student, full name, fullname, complete name, display name, student name, name of student,
        name student, learner name, participant name, participant, learner, pupil, pupil name,
        contact name,
        first and last name, first name and last name, first name last name, first name surname,
        name and surname, first last, legal name,
        what is your name, what is your full name, your full name,
        vollständiger Name, ganzer Name, Vor- und Nachname, Vorname und Nachname, Vorname Nachname,
        Teilnehmer, Teilnehmerin, Teilnehmer/in, Studierende, Schüler,
        Schülerin, Anzeigename, nom complet, prénom et nom, prénom nom,
        étudiant, élève, nombre completo, nombre y apellidos, nombre y apellido, nombre apellidos,
        alumno, alumna, estudiante, nome completo, nome e cognome,
        nome e sobrenome, nome e apelido, nome cognome, studente, aluno, aluna,
        estudante, volledige naam, voornaam en achternaam, voornaam achternaam, naam student, cursist,
        leerling, deelnemer, imię i nazwisko, imię nazwisko, pełna nazwa, uczestnik, uczeń,
        kursant""",
    LAST_FIRST: """
        last name first name, surname first name, last first, last name first, sortable name, surname and
        name, Name Vorname, Nachname Vorname, Name und Vorname, nom et prénom, nom prénom, apellidos y nombre,
        apellidos nombre, apellidos y nombres, apellido y nombre, cognome e nome, cognome nome,
        achternaam voornaam, naam en voornaam, nazwisko i imię, nazwisko imię""",
    NIGHT: """
        night, nights, class night, evening, class evening, group, groups, group name, section, sections,
        cohort, cohorts, cohort name, section name, meeting night, night of class, class day,
        day, weekday, session, tutorial group, lab section, class group,
        Gruppe, Gruppen, Abend, Kursabend, Kursgruppe, groupe, groupes, soir, soirée, grupo, grupos, noche,
        noite, turno, gruppo, gruppi, sera, serata, groep, groepen, avond, lesavond, grupa, grupy, wieczór""",
    REGION: """
        region, regions, state, region state, state region, state province, province, area, county,
        Bundesland, Gebiet, Kanton, région, département, estado, provincia, comunidad autónoma, região,
        estado uf, regione, regio, provincie, województwo""",
    ENROLLED_ON: """
        enrolled on, enrolled, enrolled at, enrolment date, enrollment date, date enrolled, enroll date,
        date of enrolment, date of enrollment, start date, started on, joined, joined on, date joined,
        registration date, registered on, Anmeldedatum, eingeschrieben am, Einschreibedatum, Eintrittsdatum,
        date d'inscription, inscrit le, fecha de inscripción, fecha de matrícula, fecha de alta,
        data de inscrição, data de matrícula, data di iscrizione, data iscrizione, inschrijfdatum,
        ingeschreven op, data zapisu, data rejestracji""",
    WITHDRAWN_ON: """
        withdrawn on, withdrawn, withdrawn at, withdrawal date, date withdrawn, date of withdrawal, left on,
        date left, dropped on, drop date, unenrolled on, abgemeldet am, Abmeldedatum, Austrittsdatum,
        date de retrait, date d'abandon, fecha de baja, data de desistência, data di ritiro, data ritiro,
        uitschrijfdatum, uitgeschreven op, data rezygnacji""",
    CLASS_NAME: """
        class, class name, class id, classroom, Klasse, Klassenname, Kurs, classe, clase, turma, klas,
        klasnaam, klasa""",
    MENTOR_NAME: "mentor, mentor name, mentors, name of mentor, mentor full name, coach, coach name, tutor",
}
MEANINGS = frozenset(_SYNONYMS)
_OWNERS = (
    "students",
    "student",
    "learner",
    "participant",
    "pupil",
    "member",
    "user",
    "your",
    "whatisyour",
    "enteryour",
)
_NIGHT_WORDS = re.compile(
    r"night|evening|abend|soir|noche|noite|\bsera\b|serata|avond|wieczor|which (?:day|group|class|session)"
    r"|(?:day|group|session) (?:suits|works|do you)|weekday|(?:mon|tues|wednes|thurs|fri)day"
    r"|gruppe|groupe|grupo|gruppo|groep|grupa"
)
_STATUS = re.compile(
    r"(?:enrol?l?ment|student|learner|participant|course|class|registration|member|user|current)?"
    r"(?:status|state)|einschreibestatus|statut|estado|situacao|stato"
)
_LEFT = re.compile(
    r"withdr[ae]w|dropped|drop[ -]?out|drop$|inactive|not active|left|unenrol|unregist|deregist|cancel"
    r"|abgemeldet|ausgetreten|inaktiv|inactif|inactiv|inativ|inattiv|abandon|retir|baja|uitgeschreven"
)
_UNMARKED = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i"})


def without_accents(text: str) -> str:
    """Return text in lower case without accents, such as ``lukasz`` for ``Łukasz``."""
    parts = unicodedata.normalize("NFKD", text.casefold().translate(_UNMARKED))
    return "".join(character for character in parts if not unicodedata.combining(character))


def header_key(header: str) -> str:
    """Return what is compared of a header: its letters and digits, without case and accents."""
    return "".join(character for character in without_accents(header) if character.isalnum())


_MEANINGS = {
    header_key(synonym): meaning
    for meaning, synonyms in _SYNONYMS.items()
    for synonym in synonyms.split(",")
    if header_key(synonym)
}


def meaning_of(header: str) -> str | None:
    """Return what a column means by its header, or None if it means nothing here.

    Words in brackets and a second language after a slash may be missing from the table.
    """
    for text in (header, re.sub(r"[(\[{].*?[)\]}]", " ", header)):
        key = header_key(text)
        for owner in ("", *_OWNERS):
            if key.startswith(owner) and (meaning := _MEANINGS.get(key.removeprefix(owner))):
                return meaning
    meanings = {_MEANINGS.get(header_key(part)) for part in re.split(r"[/\n]| - ", header)} - {None}
    return meanings.pop() if len(meanings) == 1 else None


def is_status(header: str) -> bool:
    """Say whether a column holds words such as `Active` and `Withdrawn`."""
    return bool(_STATUS.fullmatch(header_key(header)))


def says_withdrawn(text: str) -> bool:
    """Say whether a status means that a person left the class."""
    return bool(_LEFT.match(without_accents(text)))


def meanings_of(header: Sequence[str]) -> dict[str, list[int]]:
    """Return the columns of each meaning, from 0, in the order of the file."""
    columns: dict[str, list[int]] = {}
    for index, cell in enumerate(header):
        if meaning := meaning_of(cell):
            columns.setdefault(meaning, []).append(index)
    return _settle_names(columns)


def _settle_names(columns: dict[str, list[int]]) -> dict[str, list[int]]:
    """Decide what a bare `Name` is.

    Beside a first name alone it is the last name, beside a last name alone the first. It stays under `NAME`
    too.
    """
    if names := columns.get(NAME):
        if FIRST_NAME in columns and LAST_NAME not in columns:
            meaning = LAST_NAME
        elif LAST_NAME in columns and FIRST_NAME not in columns:
            meaning = FIRST_NAME
        else:
            meaning = FULL_NAME
        columns[meaning] = sorted([*columns.get(meaning, []), *names])
    return columns


def night_candidates(header: Sequence[str], columns: Mapping[str, Sequence[int]]) -> list[str]:
    """Return the headers that may ask for the night, such as `Which night suits you?`."""
    used = {index for meaning, indexes in columns.items() if meaning != NIGHT for index in indexes}
    first_night = columns.get(NIGHT, [None])[0]
    return [
        cell
        for index, cell in enumerate(header)
        if index not in used
        and index != first_night
        and (index in columns.get(NIGHT, ()) or _NIGHT_WORDS.search(without_accents(cell)))
    ]
