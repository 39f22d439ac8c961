"""The commands: python -m course_utils.grading release | practice | grade | exercise. `make` calls them."""

from __future__ import annotations

import argparse
import datetime
import sys
from pathlib import Path

from course_utils import runtime
from course_utils.grading import proof, release
from course_utils.grading.assignment import Assignment, folders, load
from course_utils.grading.batch import grade, which
from course_utils.grading.book import Book, Policy, read_roster

BUILD = runtime.PROJECT_ROOT / "build"


def chosen(number: str) -> list[Assignment]:
    """The assignments of a number as in '02', or all of them for an empty one."""
    found = [load(folder) for folder in folders() if not number or folder.name.startswith(f"ex{number}_")]
    if not found:
        known = ", ".join(folder.name[2:4] for folder in folders())
        raise ValueError(f"EX must be one of {known}, got {number!r}")
    return found


def _release(options: argparse.Namespace) -> None:
    practice = options.command == "practice"
    place = BUILD / options.command
    for assignment in chosen(options.ex):
        release.write(assignment, place, with_solutions=practice)
        print(
            f"{place.relative_to(runtime.PROJECT_ROOT) / assignment.name}: notebook and sheets"
            + (", with solutions" if practice else "")
        )
    if not practice:
        print(f"Worked solutions, for after the deadline: {(place / 'solutions').relative_to(runtime.PROJECT_ROOT)}")


def _grade(options: argparse.Namespace) -> None:
    submissions = Path(options.submissions).expanduser()
    name = f"ex{options.ex}_" if options.ex else which(submissions, [folder.name for folder in folders()])
    assignment = chosen(name[2:4])[0]
    book = Book(Path(options.grades).expanduser() / assignment.name, assignment)
    due = datetime.datetime.fromisoformat(options.due).timestamp() if options.due else None
    new = book.read_written()
    if new:
        print(f"{new} marks taken over from written.csv.")
    try:
        grade(
            assignment,
            submissions,
            book,
            only=options.regrade or None,
            workers=options.jobs,
            sandboxed=options.sandbox != "no",
        )
    finally:
        book.write_written()
        path = book.export(
            Policy(due, options.late_percent, options.late_days),
            read_roster(Path(options.roster).expanduser() if options.roster else None),
        )
    print(
        f"Marks: {path}, canvas.csv beside it. Feedback: {path.parent / 'feedback'}. Answers in words, without names: "
        f"{path.parent / 'written.csv'}"
    )


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and do what it says."""
    parser = argparse.ArgumentParser(prog="python -m course_utils.grading", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, about in (
        ("release", "students' versions, in build/release"),
        ("practice", "the same with solutions, in build/practice, for learning alone"),
        ("exercise", "prove an assignment: format, source, bare release, every slip"),
    ):
        commands.add_parser(name, help=about).add_argument("--ex", default="", help="number, as in 02; all if left out")
    grading = commands.add_parser("grade", help="mark a folder of submissions")
    grading.add_argument("submissions")
    grading.add_argument("--ex", default="", help="number of the assignment, where the folder does not tell")
    grading.add_argument("--grades", default="grades", help="folder of the grade books")
    grading.add_argument("--roster", default="", help="CSV: student, name, email, section, canvas_id, login")
    grading.add_argument("--due", default="", help="deadline, as in 2026-12-01T23:59")
    grading.add_argument("--late-percent", type=float, default=10, help="points lost for each started day, in percent")
    grading.add_argument("--late-days", type=int, default=5, help="days after which nothing counts")
    grading.add_argument("--regrade", default="", help="mark one question anew, as in q3")
    grading.add_argument("--jobs", type=int, default=None, help="submissions at once; one a core")
    grading.add_argument("--sandbox", default="yes", choices=("yes", "no"))
    options = parser.parse_args(arguments)
    try:
        if options.command == "grade":
            _grade(options)
        elif options.command == "exercise":
            proof.prove(chosen(options.ex))
        else:
            _release(options)
    except (ValueError, RuntimeError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
