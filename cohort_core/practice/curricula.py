"""Courses of the invented bootcamp classes: units of lessons, quizzes and projects.

A line that starts with ``#`` opens a unit. ``?`` marks a quiz and ``=`` a project; any other line is a
lesson. A second mark ``!`` makes an assignment on which many students get stuck.
"""

from __future__ import annotations

from typing import NamedTuple


class Planned(NamedTuple):
    """An assignment of a curriculum; ``unit`` counts from 0."""

    unit: int
    name: str
    type: str
    hard: bool


def parse(text: str) -> tuple[list[str], list[Planned]]:
    """Return the names of the units, and all assignments in course order.

    >>> parse('''# Week 1
    ... Hello
    ... ?! Loops quiz''')[1][1]
    Planned(unit=0, name='Loops quiz', type='quiz', hard=True)
    """
    units: list[str] = []
    assignments = []
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("# "):
            units.append(line[2:])
            continue
        marks = line.split(" ", 1)[0] if line[0] in "?=!" else ""
        kind = "quiz" if "?" in marks else "project" if "=" in marks else "lesson"
        name = line[len(marks) :].strip()
        assignments.append(Planned(len(units) - 1, name, kind, "!" in marks))
    return units, assignments


SOFTWARE_DEVELOPMENT = """
# Week 1: First programs
Welcome aboard
How a computer reads your code
Your editor and your terminal
Values and variables
? First programs check-in
= About me on the command line
# Week 2: Decisions
True, false and everything between
If, else if, else
Comparing things that look alike
Reading an error message slowly
? Decisions check-in
# Week 3: Repetition
For each of these
While it lasts
Loops inside loops
Leaving a loop early
? Repetition check-in
= Number guessing game
# Week 4: Functions
Naming a piece of work
Parameters and return values
Scope: who can see what
Functions that take functions
? Functions check-in
= Tip calculator
# Week 5: Collections
Lists and their manners
Dictionaries
Sets, tuples and when to care
Sorting by what matters
Bring it into focus
? Collections check-in
# Week 6: Git and teamwork
Commits that tell a story
Branches without fear
Merging, and the conflict you will meet
! Pull requests
? Git check-in
= Shared recipe book
# Week 7: The web, from outside
What happens when you press enter
HTML that means something
Boxes, margins and patience
Flexbox
= Personal page
# Week 8: JavaScript in the page
Same ideas, new spelling
Finding things on the page
Listening for events
Forms and what people type into them
? JavaScript check-in
= To-do list
# Week 9: Asynchronous code
Waiting without blocking
! Promises
Async and await
Fetching somebody else's data
?! Asynchronous check-in
= Weather board
# Week 10: Data that stays
Tables, rows, keys
Select, where, order
Joining two tables
Grouping and counting
?! SQL joins check-in
= Library catalogue
# Week 11: Servers
Requests and responses
Routes and handlers
Templates
Sessions and cookies
= Guest book
# Week 12: An API of your own
Nouns, verbs and status codes
Validating what arrives
Errors that help
Authentication
? API check-in
=! Bookshop API
# Week 13: Components
Thinking in components
Props and state
Effects and their traps
Lists and keys
Lifting state up
? Components check-in
# Week 14: Testing
What a test is for
Unit tests
Testing through the browser
Test first, once
= Bug hunt
# Week 15: Shipping
Configuration and secrets
Containers, gently
Continuous integration
Watching what you shipped
? Shipping check-in
# Week 16: Final project
Choosing something small enough
Planning in public
Halfway demo
=! Final project
Presenting your work
"""

PYTHON_DATA_ANALYSIS = """
# Week 1: Python, quickly
Notebooks and their habits
Numbers, text, truth
Lists and dictionaries
Loops and comprehensions
? Python check-in
# Week 2: Files
Opening a file properly
CSV and its surprises
JSON
Dates are harder than they look
= Expense diary
# Week 3: Arrays
Why arrays
Shapes and axes
Broadcasting
! Indexing with conditions
? Arrays check-in
# Week 4: Frames
Series and frames
Choosing rows and columns
New columns from old
Sorting and ranking
= Bike rentals, first look
# Week 5: Cleaning
Missing is not zero
Duplicates
Text that should be numbers
Types and memory
? Cleaning check-in
# Week 6: Groups
Split, apply, combine
Aggregating
! Reshaping: long and wide
Pivot tables
=! School dinners report
# Week 7: Joining
Keys and joins
Joins that multiply rows
Stacking
Checking a join
? Joins check-in
# Week 8: Pictures
Which chart for which question
Lines and bars
Distributions
Colour for everyone
= One chart, well made
# Week 9: Time
Time stamps and zones
Resampling
Rolling windows
Seasonality by eye
? Time check-in
# Week 10: Chance
Samples and populations
The bootstrap
Confidence intervals
! Testing a hypothesis
= Did the change help?
# Week 11: Models
Lines through points
Training and testing
Overfitting, shown
Trees
? Models check-in
# Week 12: Telling it
A report people finish
Reproducible from a fresh clone
Peer review
Ethics of a data set
= Capstone analysis
"""

WEB_BASICS = """
# Week 1: A page
What a browser does
Headings, paragraphs, links
Images and their descriptions
? A page, check-in
# Week 2: Style
Selectors
Colour and contrast
Fonts and rhythm
= Restaurant menu
# Week 3: Layout
The box model
Flexbox
! Grid
? Layout check-in
# Week 4: Small screens
Media queries
Responsive images
Menus on a phone
= Responsive menu
# Week 5: Forms
Labels and inputs
Validation
Accessible errors
? Forms check-in
# Week 6: A little JavaScript
Variables and functions
Events
! Changing the page
Remembering things
= Dark mode switch
# Week 7: Publishing
Git for one person
A place on the web
Speed
Being found
? Publishing check-in
# Week 8: Your site
Sketching
Content first
=! Portfolio
Showing it
"""
