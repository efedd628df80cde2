import pytest

from busway.domain.gpu_model import memory_of, model_of


@pytest.mark.parametrize(
    ("product", "model", "gib"),
    [
        ("GA100 [A100 PCIe 80GB]", "A100", 80),
        ("GA100 [A100-SXM-64GB]", "A100", 64),
        ("GH100 [H100 SXM5 96GB]", "H100", 96),
        ("GH100 [H100 PCIe]", "H100", 80),
        ("GH100 [H200 SXM 141GB]", "H200", 141),
        ("AD102GL [L40S]", "L40S", 48),
        ("TU104GL [Tesla T4]", "T4", 16),
        ("GA102GL [RTX A6000]", "A6000", 48),
        ("AD102GL [RTX 6000 Ada Generation]", "RTX6000Ada", 48),
        ("AD102 [GeForce RTX 4090]", "RTX4090", 24),
        ("Aqua Vanjaram [Instinct MI300X]", "MI300X", 192),
        ("Aldebaran/MI200 [Instinct MI250X]", "MI250X", None),
        ("Aldebaran/MI200 [Instinct MI250X/MI250]", "", None),
        ("GA100 [A100X]", "A100X", None),
        ("", "", None),
    ],
)
def test_a_gpu_is_called_as_catalogues_call_it(product: str, model: str, gib: int | None) -> None:
    assert (model_of(product), memory_of(product)) == (model, None if gib is None else gib * 1024)
