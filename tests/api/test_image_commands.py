"""`busway image` against a real control plane and a mirror on loopback."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from busway.catalogue import distributions
from busway.cli.main import main
from busway.control.identity.directory import clouds_yaml
from busway.pki.ed25519 import make_key, public_word
from tests.api.serving import PASSWORD, ApiServer, start_api_server
from tests.catalogue.mirror import IMAGE, Mirror
from tests.catalogue.sites import SHA512, known, site

Run = Callable[..., Result]
__all__ = ["site"]  # a fixture


@pytest.fixture
def published(tmp_path: Path) -> Iterator[Mirror]:
    made = Mirror(tmp_path / "mirror")
    made.folder.mkdir()
    made.write()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def api_server(api_template: Path, tmp_path: Path, published: Mirror) -> Iterator[ApiServer]:
    """A control plane whose configuration names the mirror."""
    server = start_api_server(
        tmp_path, api_template, image_catalogue=published.url, image_catalogue_keys=(published.public,)
    )
    yield server
    server.stop()


@pytest.fixture
def run(api_server: ApiServer, tmp_path: Path) -> Run:
    clouds = tmp_path / "clouds.yaml"
    clouds.write_text(clouds_yaml(api_server.url, PASSWORD))

    def command(*words: str, code: int = 0) -> Result:
        cache = ["--cache", str(tmp_path / "cache")] if words[0] == "pull" else []
        done = CliRunner().invoke(main, ["image", *words, "--clouds", str(clouds), *cache])
        assert done.exit_code == code, done.output
        return done

    return command


def images(api_server: ApiServer) -> list[dict[str, str]]:
    found: list[dict[str, str]] = api_server.client().get("/image/v2/images").json()["images"]
    return found


def test_a_ready_image_is_pulled_with_its_properties(api_server: ApiServer, published: Mirror, run: Run) -> None:
    listed = run("list", "--catalogue")
    assert "Debian 12 (bookworm)" in listed.stdout and "no" in listed.stdout

    done = run("pull", "bookworm")

    [image] = images(api_server)
    assert f"debian-12 is ready: {image['id']}" in done.stdout
    assert image["status"] == "active" and image["os_hash_value"] == hashlib.sha512(IMAGE).hexdigest()
    wanted = {"name": "debian-12", "disk_format": "qcow2", "min_disk": 1, "visibility": "shared", "os_distro": "debian"}
    wanted |= {"hw_firmware_type": "uefi", "product_name": "debian-12", "version_name": "20261101"}
    assert {key: image[key] for key in wanted} == wanted
    assert json.loads(run("list", "--catalogue", "--json").stdout)[0]["here"] is True
    assert "debian 12" in run("list").stdout


def test_an_image_is_verified_with_the_hash_of_the_control_plane(
    api_template: Path, tmp_path: Path, published: Mirror
) -> None:
    (folder := tmp_path / "sha3").mkdir()
    server = start_api_server(
        folder,
        api_template,
        hashing_algorithm="sha3_512",
        image_catalogue=published.url,
        image_catalogue_keys=(published.public,),
    )
    (clouds := folder / "clouds.yaml").write_text(clouds_yaml(server.url, PASSWORD))

    words = ["image", "pull", "debian-12", "--clouds", str(clouds), "--cache", str(folder / "cache")]
    done = CliRunner().invoke(main, words)

    assert done.exit_code == 0, done.output
    [image] = images(server)
    server.stop()
    assert (image["os_hash_algo"], image["os_hash_value"]) == ("sha3_512", hashlib.sha3_512(IMAGE).hexdigest())


def test_what_is_here_is_not_pulled_again(api_server: ApiServer, published: Mirror, run: Run) -> None:
    run("pull", "debian-12")
    published.asked.clear()

    assert "is here already" in run("pull", "debian-12").stdout
    assert len(images(api_server)) == 1 and "/debian-12/20261101/x86_64.qcow2" not in dict(published.asked)


def test_a_newer_version_takes_the_name(api_server: ApiServer, published: Mirror, run: Run) -> None:
    run("pull", "debian-12")
    published.write("20261201", IMAGE + b"newer")

    run("pull", "debian-12", "--public")

    assert sorted((row["name"], row["version_name"], row["visibility"]) for row in images(api_server)) == [
        ("debian-12", "20261201", "public"),
        ("debian-12-20261101", "20261101", "shared"),
    ]


@pytest.mark.parametrize("fault", ["data", "catalogue", "key"])
def test_nothing_is_put_in_of_what_is_not_as_signed(
    api_server: ApiServer, published: Mirror, run: Run, fault: str
) -> None:
    words: list[str] = []
    if fault == "data":
        published.image.write_bytes(IMAGE[:-1] + b"?")
    elif fault == "catalogue":
        path = published.folder / "catalogue.json"
        path.write_bytes(path.read_bytes() + b" ")
    else:
        words = ["--key", public_word(make_key())]

    done = run("pull", "debian-12", *words, code=1)

    assert ("catalogue-data" if fault == "data" else "catalogue-untrusted") in done.stderr
    assert images(api_server) == []


def test_data_that_the_image_api_refuses_leaves_no_image(api_server: ApiServer, published: Mirror, run: Run) -> None:
    published.write(data=b"no qcow2 at all")

    assert "image-format" in run("pull", "debian-12", code=1).stderr
    assert images(api_server) == []


def test_another_mirror_is_named_with_its_key(api_server: ApiServer, run: Run, tmp_path: Path) -> None:
    mirror = Mirror(tmp_path / "own")
    mirror.folder.mkdir()
    mirror.write()
    (tmp_path / "key.pub").write_text(mirror.public + "\n")

    run("pull", "debian-12", "--from", str(mirror.folder), "--key", str(tmp_path / "key.pub"), "--name", "mine")

    assert [row["name"] for row in images(api_server)] == ["mine"]
    assert "catalogue-key" in run("pull", "debian-12", "--key", "nonsense", code=1).stderr


def test_a_site_publishes_a_catalogue_of_its_own(api_server: ApiServer, run: Run, tmp_path: Path) -> None:
    def catalogue(*words: str) -> str:
        done = CliRunner().invoke(main, ["image", "catalogue", *words])
        assert done.exit_code == 0, done.output
        return done.stdout

    folder, key = tmp_path / "site", tmp_path / "catalogue.pem"
    folder.mkdir()
    (folder / "ours.qcow2").write_bytes(IMAGE)
    item = {"items": {"x86_64": {"path": "ours.qcow2"}}}
    (folder / "catalogue.json").write_text(
        json.dumps({"products": {"ours": {"title": "Ours", "versions": {"1": item}}}})
    )

    public = catalogue("key", str(key)).strip()
    assert key.stat().st_mode & 0o777 == 0o600 and catalogue("key", str(key)).strip() == public
    assert "1 products" in catalogue("sign", str(folder), "--key", str(key))

    run("pull", "ours", "--from", str(folder), "--key", public)
    assert [row["name"] for row in images(api_server)] == ["ours"]


def test_without_a_catalogue_the_image_comes_from_the_distribution(
    api_template: Path, tmp_path: Path, site: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distributions, "known_distributions", lambda: {"debian-12": known(site)})
    folder = tmp_path / "bare"
    folder.mkdir()
    server = start_api_server(folder, api_template)
    clouds = folder / "clouds.yaml"
    clouds.write_text(clouds_yaml(server.url, PASSWORD))

    def image(*words: str) -> Result:
        return CliRunner().invoke(main, ["image", *words, "--clouds", str(clouds)])

    try:
        listed = json.loads(image("list", "--catalogue", "--json").stdout)
        pulled = image("pull", "bookworm", "--cache", str(folder / "cache"))
        again = image("list", "--catalogue", "--json").stdout
        [made] = images(server)
        unsigned = image("pull", "debian-12", "--from", "https://mirror.example/")
    finally:
        server.stop()

    assert [(row["name"], row["version"], row["here"]) for row in listed] == [("debian-12", "newest", False)]
    assert pulled.exit_code == 0, pulled.output
    assert (made["os_hash_value"], made["version_name"]) == (SHA512, SHA512[:12])
    assert (made["name"], made["os_distro"], int(made["min_disk"])) == ("debian-12", "debian", 3)
    assert json.loads(again)[0]["here"] is True
    assert unsigned.exit_code == 1 and "catalogue-unknown" in unsigned.stderr
