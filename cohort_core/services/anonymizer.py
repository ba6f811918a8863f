"""Anonymous mode: class data with pseudonyms.

All that is computed from such data (reports, charts, exports, URLs) is anonymous, since no name, email or id
of a person is in it. Pseudonyms come from a keyed hash: without the secret of this home nobody can compute
them from a list of emails. A person has the same pseudonym in every class and on every day. Course, grades,
times and groups do not change at all, so a person who may see the same class at OpenClass can still recognise
students by them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pandas as pd

from cohort_core.config.paths import Home, open_private
from cohort_core.errors import BadSettings
from cohort_core.store.class_data import ClassData
from cohort_core.store.roster import folded

KEY_BYTES = 32
EMAIL_HOST = "example.org"


def load_key(home: Home) -> bytes:
    """Load the secret of a home's pseudonyms; the first use creates it.

    Raises BadSettings if the file that holds it cannot be used.
    """
    path = home.pseudonym_key
    try:
        if not path.exists():
            _make_key(home)
        key = bytes.fromhex(path.read_text("ascii"))
    except (OSError, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise BadSettings(
            f"The secret for anonymous mode in {path} cannot be used. Delete the file; everyone gets another "
            "pseudonym then."
        )
    return key


def _make_key(home: Home) -> None:
    home.ensure()
    draft = home.pseudonym_key.with_name(f".{home.pseudonym_key.name}.{secrets.token_hex(8)}")
    try:
        with open_private(draft, "x") as file:
            file.write(secrets.token_hex(KEY_BYTES))
        try:
            # A link is atomic and fails if the name exists: of two processes at the same time, one secret
            # wins.
            with contextlib.suppress(FileExistsError):
                os.link(draft, home.pseudonym_key)
        except OSError:
            # Some file systems, such as those of USB sticks, have no links.
            draft.replace(home.pseudonym_key)
    finally:
        draft.unlink(missing_ok=True)


@dataclass(frozen=True)
class Pseudonyms:
    """Pseudonyms for people and their records, by the secret of a home."""

    key: bytes

    def student_id(self, student_id: str) -> str:
        """Return the id that stands for a student."""
        return f"p{self._digest('student', student_id).hex()[:16]}"

    def record_id(self, progression_id: str) -> str:
        """Return the id that stands for a progression."""
        return f"r{self._digest('record', progression_id).hex()[:16]}"

    def names(self, identity: str) -> Iterator[tuple[str, str]]:
        """Yield first and last names for a person without end.

        The first is the best; use a later one if another person of the class has it already.
        """
        attempt = 0
        while True:
            digest = self._digest("name", f"{attempt} {identity}")
            yield (
                FIRST[digest[0] % len(FIRST)],
                PLACES[digest[1] % len(PLACES)] + ANIMALS[digest[2] % len(ANIMALS)],
            )
            attempt += 1

    def rank(self, identity: str) -> bytes:
        """Return a sort key by which people get their names; it reveals nothing about them."""
        return self._digest("rank", identity)

    def _digest(self, purpose: str, text: str) -> bytes:
        return hashlib.blake2b(f"{purpose}\0{text}".encode(), key=self.key, digest_size=16).digest()


def anonymise(class_data: ClassData, key: bytes) -> ClassData:
    """Replace names, emails and the ids of students and records by pseudonyms.

    Two people of one class never share a pseudonym. Where the hash gives two the same one (in one of a
    thousand classes of 60), one of them gets another, which may differ from theirs in other classes.
    """
    pseudonyms = Pseudonyms(key)
    students = class_data.students
    taken: set[tuple[str, str]] = set()
    present = _disguised(students, pseudonyms, taken)
    former = _disguised(class_data.former_students, pseudonyms, taken)
    rows = class_data.progressions
    records = rows.assign(
        id=rows["id"].map(pseudonyms.record_id), student_id=_student_ids(rows["student_id"], pseudonyms)
    )
    return replace(
        class_data,
        students=present,
        former_students=former,
        progressions=_typed(records, rows),
        aliases={
            pseudonyms.student_id(old): pseudonyms.student_id(now) for old, now in class_data.aliases.items()
        },
    )


def _disguised(students: pd.DataFrame, pseudonyms: Pseudonyms, taken: set[tuple[str, str]]) -> pd.DataFrame:
    """Return the students with pseudonyms.

    Names in `taken` are avoided, and chosen ones added to it.
    """
    ids = {student_id: pseudonyms.student_id(student_id) for student_id in students["student_id"]}
    names = _choose_names(students, pseudonyms, taken)
    first, last = ([name[part] for name in names] for part in (0, 1))
    emails = [f"{first_name.lower()}.{last_name.lower()}@{EMAIL_HOST}" for first_name, last_name in names]
    disguised = students.assign(
        student_id=students["student_id"].map(ids),
        first_name=pd.Series(first, index=students.index, dtype="str"),
        last_name=pd.Series(last, index=students.index, dtype="str"),
        email=pd.Series(emails, index=students.index, dtype="str").where(students["email"].notna()),
    )
    return _typed(disguised, students)


def anonymise_log(log: pd.DataFrame, key: bytes) -> pd.DataFrame:
    """Replace the ids in a log of changes as `anonymise` does."""
    pseudonyms = Pseudonyms(key)
    disguised = log.assign(
        student_id=_student_ids(log["student_id"], pseudonyms),
        progression_id=log["progression_id"].map(pseudonyms.record_id),
    )
    return _typed(disguised, log)


def _student_ids(ids: pd.Series[str], pseudonyms: Pseudonyms) -> pd.Series[str]:
    """Replace ids of students; each is hashed once, as a student has many records."""
    return ids.map({student_id: pseudonyms.student_id(student_id) for student_id in ids.dropna().unique()})


def _typed(frame: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(like.dtypes.to_dict())


def _choose_names(
    students: pd.DataFrame, pseudonyms: Pseudonyms, taken: set[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Choose a first and a last name for each row."""
    identities = [
        _identity(*row)
        for row in students[["student_id", "email", "first_name", "last_name"]]
        .astype("object")
        .where(students.notna(), None)
        .itertuples(index=False)
    ]
    chosen: dict[int, tuple[str, str]] = {}
    for row in sorted(range(len(identities)), key=lambda row: pseudonyms.rank(identities[row])):
        candidates = pseudonyms.names(identities[row])
        chosen[row] = next(name for name in candidates if name not in taken)
        taken.add(chosen[row])
    return [chosen[row] for row in range(len(identities))]


def _identity(student_id: str, email: str | None, first_name: str | None, last_name: str | None) -> str:
    """Return the text that identifies a person in every class.

    It is the email, since the id of a person who was only on the roster changes when they start. Without an
    email it is the id, or the name of a roster line.
    """
    if email:
        return f"email {folded(email)}"
    if student_id.startswith("roster-"):
        return "name " + folded(" ".join(filter(None, (first_name, last_name))))
    return f"id {student_id}"


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# No real first names, since a class may have a student called Ruby or Robin; and nothing that sounds like a
# judgement of a person or like a skin colour.
FIRST = _words("""
    Agate Alder Almond Apricot Autumn Azure Balmy Bamboo Basalt Birch Blithe Bold Brave Breezy Bright Brisk
    Bronze Calm Canvas Caramel Carmine Cedar Cerulean Cheery Chestnut Cinder Citrus Cobalt Copper Cosy
    Cotton Crimson Crystal Dapper Deft Denim Dewy Elm Earthen Fabled Fennel Fern Fleet Flint Frosty Gallant
    Garnet Gentle Gilded Glad Golden Granite Hardy Harvest Hearty Hidden Honest Indigo Iron Jaunty Jolly
    Kindly Lavish Lemon Lilac Linen Lively Lofty Lucid Lunar Magenta Mango Maple Marble Mellow Merry Mighty
    Mint Misty Mossy Mustard Nimble Noble Nutmeg Oaken Ochre Onyx Opal Orchid Pearly Pepper Pewter Placid
    Plucky Plum Polar Quartz Russet Saffron Silken Silver Snowy Solar Spry Steady Sturdy Sunny Swift Teal
    Topaz Tranquil Turquoise Velvet Vivid Walnut Willowy Witty Zesty
""")

PLACES = _words("""
    Alp Arbour Arch Atoll Bank Bay Bayou Beach Beck Bluff Border Bough Bracken Branch Bridge Brook Cairn
    Canyon Cape Cave Chalk Cliff Cloud Coast Copse Cove Crag Creek Crest Croft Dale Delta Desert Dew Downs
    Dune Eddy Fell Fen Field Fjord Flood Foam Ford Forest Frost Garden Gate Geyser Glacier Glade Glen Gorge
    Grass Grotto Grove Gulf Harbour Hearth Heath Hedge Hill Hollow Ice Inlet Island Isle Jungle Knoll Lagoon
    Lake Lea Ledge Marsh Mead Meadow Mesa Mill Mist Moor Moss Mount Oak Oasis Orchard Park Pass Path Peak
    Pebble Pine Plateau Pond Pool Prairie Rain Rapid Ravine Reed Reef Ridge River Rock Sand Savanna Sea
    Shade Shire Shoal Shore Sky Snow Spring Spruce Steppe Stone Storm Strand Stream Summit Sun Surf Taiga
    Tarn Thicket Thorn Tide Timber Trail Tundra Vale Valley Volcano Water Wave Weald Well Wild Wind Winter
    Wold Wood
""")

ANIMALS = _words("""
    albatross alpaca antelope auk avocet badger bear beaver bee beetle bison bittern bobcat buffalo bunting
    bustard caribou chamois cheetah chough condor coot cormorant cougar coyote crane cricket crow curlew
    deer dingo dipper dolphin dunlin eagle eel egret eland elk ermine falcon ferret finch firefly fox frog
    gannet gazelle gecko giraffe gopher goshawk grebe grouse gull hare harrier hawk hedgehog heron horse
    ibex ibis iguana impala jackdaw jaguar jay kestrel kingfisher kite kiwi koala lapwing lark leopard
    linnet lion lizard llama lobster lynx mallard marlin marmot marten martin merlin moose narwhal newt
    nightjar ocelot octopus osprey otter owl panda panther parrot partridge pelican penguin perch petrel
    pheasant pigeon pipit plover pony puffin puma quail rabbit raccoon ram raven redstart reindeer rook
    salmon seal siskin skylark sparrow squirrel starling stoat stork swallow swan swift tapir tern thrush
    tiger turtle vole wagtail walrus warbler wigeon wolf wombat wren yak zebra
""")
