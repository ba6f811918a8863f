"""Files to download: a link is a question, answered when it is fetched.

questions.py   what a file holds: a report by name and plain values; `answer` computes it
registry.py    the questions that pages offered within a day, by a random id and their owner
owner.py       the browser that may fetch them, by a cookie
routes.py      /dashboard/files/{id}
"""
