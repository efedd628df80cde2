"""Each step stands at four places: its act, its act on paper, its line in the docs, a crash test. Here they are held together."""

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from busway.agent.steps import ACTS
from busway.reconciler import steps
from busway.reconciler.steps import STEPS, GiveBackDevice, Policy, Retry, ServerStep, Step, Subject
from busway.testing.paper_host import PAPER_ACTS
from tests.agent.test_crash_of_each_step import STORIES

PAGE = (Path(__file__).parents[2] / "docs/explanation/agent.md").read_text("utf-8")


def test_every_step_is_in_the_one_list() -> None:
    modules = [import_module(each.name) for each in iter_modules(steps.__path__, f"{steps.__name__}.")]
    found = {value for module in modules for value in vars(module).values() if isinstance(value, type)}

    assert {kind for kind in found if issubclass(kind, Step)} - {Step, ServerStep} == set(STEPS)


def test_every_step_has_an_act_and_one_on_paper() -> None:
    assert set(ACTS) == set(STEPS) == PAPER_ACTS


def test_every_step_is_explained() -> None:
    assert [step.__name__ for step in STEPS if step.__name__ not in PAGE] == []


def test_every_step_has_a_crash_test() -> None:
    tried = {name for story in STORIES.values() for name in story.steps}

    assert {step.__name__ for step in STEPS} == tried


def test_a_device_that_can_t_be_given_back_keeps_nothing_else_and_is_tried_again() -> None:
    assert GiveBackDevice.policy == Policy(Subject.DEVICE, blocks=False, retry=Retry.ALWAYS)
    assert [step.__name__ for step in STEPS if not step.policy.blocks] == ["AskOut", "GiveBackDevice"]
    assert [step.__name__ for step in STEPS if step.policy.long] == [
        "FetchImage",
        "SaveDomain",
        "MigrateDomain",
        "UploadDisk",
    ]
