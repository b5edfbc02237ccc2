"""A class's day on a hub: train, hand in, lose a server, restart the hub, mark, read the feedback."""

import asyncio
import json
import os
import signal

from classroom.release import solved
from deploy.hub.course import ROOT

from .hub_class import GRADERS, train_together
from .hub_people import Person

TASK, POINTS = "fair-costs", 7.0  # what the graders give by hand, of 20


async def day(hub, people, graders):
    """All of it; returns the measurements of the training and what each of `people` ended with, by name.

    people, graders: entered already; at least two of the people come over websockets.
    """
    found = await train_together(hub, people)
    await asyncio.gather(*(start_work(one) for one in people if isinstance(one, Person)))
    await outlive_the_hub(hub, people)
    wires = [one for one in people if isinstance(one, Person)]
    await lose_a_server(hub, wires[-1])
    await asyncio.gather(*(one.nbgrader("submit") for one in wires))
    points = await mark(graders, [one.name for one in wires])
    await asyncio.gather(*(one.nbgrader("fetch_feedback") for one in wires))
    pages = dict(zip([one.name for one in wires], await asyncio.gather(*(page(one) for one in wires))))
    return found, points, pages


def answered():
    """ps1 with right answers."""
    path = ROOT / "classroom" / "source" / "ps1" / "ps1.ipynb"
    return solved(json.loads(path.read_text("utf-8")))


async def start_work(person):
    """Fetch ps1 and answer it; every fifth leaves it as it is."""
    await person.nbgrader("fetch")
    if int(person.name[1:]) % 5:
        await person.save("ps1/ps1.ipynb", answered())


async def outlive_the_hub(hub, people):
    """The hub is restarted while everybody's cell runs: all end, and nobody has to log in again."""
    wires = [one for one in people if isinstance(one, Person)]
    code = "import time\nwhile not Path('~/go-on.txt').expanduser().exists(): time.sleep(0.1)"
    napping = [asyncio.create_task(one.kernel.run(code, kept="dashboard.state.run.status")) for one in wires]
    await asyncio.to_thread(hub.restart)
    assert not any(nap.done() for nap in napping)
    assert all(await asyncio.gather(*(one.still_in() for one in wires)))
    note = {"type": "file", "format": "text", "content": ""}
    await asyncio.gather(*(one.good("PUT", "api/contents/go-on.txt", json=note) for one in wires))
    kept = await asyncio.gather(*napping)
    assert all(values == {"kept": "'finished'"} for values in kept)
    for one in people:
        if one not in wires:
            assert await one.run_cell("print(6 * 7)") == "42"


async def lose_a_server(hub, person):
    """A server is killed with all that runs in it; its owner gets another one, with the work as it was."""
    before, work = hub.server(person.name), await person.notebook("ps1/ps1.ipynb")
    os.killpg(before, signal.SIGKILL)
    await person.come_in()
    after = hub.server(person.name)
    assert after is not None and after != before
    assert await person.notebook("ps1/ps1.ipynb") == work
    kernel = await person.open_chapter()
    assert await kernel.run("", sum="20 + 3") == {"sum": "23"}


async def mark(graders, students):
    """Collect, let the machine grade, give points and a comment by hand, half of the class each.

    Returns the points of every student by task, as the gradebook has them.
    """
    for grader in graders:
        assert await grader.log_in()
        status, text = await grader.open_formgrader()
        assert status == 200 and "nbgrader formgrade" in text
    first = graders[0]
    answer = await first.grading("POST", "assignment/ps1/collect")
    assert answer["success"], answer

    async def half(grader, mine):
        for name in mine:
            graded = await grader.grading("POST", f"submission/ps1/{name}/autograde")
            assert graded["success"], graded
        for name, submission in (await submissions(grader)).items():
            if name in mine:
                await give(grader, submission, TASK, POINTS, f"Seen by {grader.name}, {name}.")

    halves = [students[n :: len(graders)] for n in range(len(graders))]
    await asyncio.gather(*(half(grader, mine) for grader, mine in zip(graders, halves)))
    for step in ("generate_feedback", "release_feedback"):
        answer = await first.grading("POST", f"assignment/ps1/{step}")
        assert answer["success"], answer
    found = {}
    for name, submission in (await submissions(first)).items():
        grades = await first.grading("GET", f"grades?submission_id={submission}")
        found[name] = {
            g["name"]: g["auto_score"] if g["manual_score"] is None else g["manual_score"] for g in grades
        }
    return found


async def submissions(grader):
    """Ids of ps1's submissions, by student."""
    rows = await grader.grading("GET", "submitted_notebooks/ps1/ps1")
    return {row["student"]: row["id"] for row in rows}


async def give(grader, submission, task, points, comment):
    """What the Formgrader's page sends when a grader fills in a task's points and a comment."""
    grades = await grader.grading("GET", f"grades?submission_id={submission}")
    grade = next(g["id"] for g in grades if g["name"] == task)
    await grader.grading("PUT", f"grade/{grade}", json={"manual_score": points, "extra_credit": None})
    comments = await grader.grading("GET", f"comments?submission_id={submission}")
    about = next(c["id"] for c in comments if c["name"] == f"{task}-answer")
    await grader.grading("PUT", f"comment/{about}", json={"manual_comment": comment})


async def page(person):
    """The page of feedback that arrived for ps1, as text; there must be one."""
    folders = (await person.good("GET", "api/contents/ps1/feedback"))["content"]
    assert len(folders) == 1
    files = (await person.good("GET", f"api/contents/{folders[0]['path']}"))["content"]
    (html,) = [file["path"] for file in files if file["path"].endswith("ps1.html")]
    return (await person.good("GET", f"api/contents/{html}"))["content"]


def expected(student):
    """The points of a student by task: everything, but what a grader decided; or nothing but that."""
    full = {"move-weights": 15, "panorama": 30, "image-sizes": 20, "fair-costs": 20, "pooled-shift": 15}
    return {
        name: POINTS if name == TASK else points * bool(int(student[1:]) % 5) for name, points in full.items()
    }


def grader_of(student, students):
    """Who of the graders had this student."""
    return GRADERS[students.index(student) % len(GRADERS)]
