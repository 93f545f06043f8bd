"""Coverage-guided fuzzing of both parsers: they end in a program, a database or the library's own error.

    pip install atheris
    python plugins/imle-mln/fuzz/parsers.py -max_total_time=600 -timeout=10 -max_len=4096 FOUND [TEXTS]

FOUND is a directory that texts are added to which reach new code, TEXTS one to begin with. Any other exception, and any
text that takes more than the time-out, is a crash, which libFuzzer writes to a file. README.md has what was found.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["imle_mln", "lark"]):
    from imle.errors import InstanceError
    from imle_mln import database_text, parse_database, parse_program, program_text

    DECLARED = parse_program("""
person = {Ann, Ben, "Cat"}
*Friends(person, person)
Smokes(person)
Topic(paper, topic!)
Rain()
1.5 Friends(x,y) ^ Smokes(x) => Smokes(y)
(EXIST x Smokes(x)) v !Rain() <=> Topic(P1,t) ^ p != Ann v Smokes(p).
""")
    parse_database('Friends(Ann, Ben)\n!Smokes("Cat")', DECLARED)


def one_text(data: bytes) -> None:
    """Read a text as a program and as evidence; what can be read must read back from its printed form."""
    text = data.decode("utf-8", "surrogateescape") + "\n"  # or it could name a file
    try:
        program = parse_program(text)
        assert parse_program(program_text(program)) == program
    except InstanceError as error:
        str(error)
    try:
        database = parse_database(text, DECLARED)
        assert parse_database(database_text(database), DECLARED) == database
    except InstanceError as error:
        str(error)


if __name__ == "__main__":
    atheris.Setup([*sys.argv, f"-dict={__file__.removesuffix('.py')}.dict"], one_text)
    atheris.Fuzz()
