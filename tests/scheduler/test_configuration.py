"""An operator's nova.conf says how servers are placed."""

from pathlib import Path

from busway.bootstrap.config import read_config
from busway.bootstrap.config_check import check_config
from busway.scheduler.policy import CHOOSABLE, DEFAULT_POLICY, Policy


def policy(folder: Path, text: str) -> Policy:
    path = folder / "nova.conf"
    path.write_text(text)
    return read_config(path, state_path=str(folder)).settings.policy


def test_without_a_word_all_filters_but_that_of_images_are_on_and_servers_are_stacked(tmp_path: Path) -> None:
    assert policy(tmp_path, "") == DEFAULT_POLICY
    assert set(CHOOSABLE) - DEFAULT_POLICY.filters == {"AggregateImagePropertiesIsolation"}


def test_filters_and_weights_have_nova_s_names(tmp_path: Path) -> None:
    text = """[filter_scheduler]
enabled_filters = ComputeFilter, ImagePropertiesFilter, PciPassthroughFilter
pci_weight_multiplier = 2
ram_weight_multiplier = 1.0
fragmentation_weight_multiplier = 0
"""
    assert policy(tmp_path, text) == Policy(frozenset({"ImagePropertiesFilter"}), 0.0, 2.0, 1.0)


def test_a_list_under_the_old_name_counts_too(tmp_path: Path) -> None:
    text = "[DEFAULT]\nscheduler_default_filters = RetryFilter,AvailabilityZoneFilter,RamFilter,PciPassthroughFilter\n"
    assert policy(tmp_path, text).filters == {"AvailabilityZoneFilter"}


def test_a_filter_that_does_nothing_here_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "nova.conf"
    path.write_text("[filter_scheduler]\nenabled_filters = ComputeFilter,IoOpsFilter,PciPasthroughFilter\n")
    found = [(each.line, each.meaning) for each in check_config(path).warnings if each.code == "filter-ignored"]
    assert found == [
        (2, "IoOpsFilter excludes nothing here: it is ignored"),
        (2, "There is no filter PciPasthroughFilter; did you mean PciPassthroughFilter?"),
    ]


def test_filters_of_aggregates_that_are_always_looked_at_may_be_listed(tmp_path: Path) -> None:
    path = tmp_path / "nova.conf"
    path.write_text(
        "[filter_scheduler]\nenabled_filters = AggregateCoreFilter,AggregateNumInstancesFilter,AggregateMultiTenancyIsolation\n"
    )
    assert not [each for each in check_config(path).warnings if each.code == "filter-ignored"]
    assert policy(tmp_path, path.read_text()).filters == {"AggregateMultiTenancyIsolation"}


def test_the_scheduler_s_section_of_nova_is_read_and_may_hold_more(tmp_path: Path) -> None:
    path = tmp_path / "nova.conf"
    path.write_text(
        "[DEFAULT]\ndisk_allocation_ratio = 1.5\n[scheduler]\nmax_attempts = 3\nlimit_tenants_to_placement_aggregate = true\n"
        "placement_aggregate_required_for_tenants = yes\n"
    )
    settings = read_config(path, state_path=str(tmp_path)).settings
    assert settings.limit_tenants_to_placement_aggregate and settings.placement_aggregate_required_for_tenants
    assert settings.disk_allocation_ratio == 1.5
    assert [entry.option for entry in check_config(path).ignored] == ["[scheduler] max_attempts"]
