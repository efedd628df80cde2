"""What is read of libvirt's own words about a host."""

from busway.domain.host_facts import GuestKind
from busway.hypervisor import capabilities

# As libvirt 9 prints it, shortened.
TEXT = """
<capabilities>
  <host>
    <cpu>
      <arch>x86_64</arch>
      <model>EPYC-Rome</model>
      <feature name='topoext'/>
      <feature name='avx2'/>
      <pages unit='KiB' size='4'/>
    </cpu>
  </host>
  <guest>
    <os_type>hvm</os_type>
    <arch name='i686'><domain type='qemu'/><domain type='kvm'/></arch>
  </guest>
  <guest>
    <os_type>hvm</os_type>
    <arch name='x86_64'><domain type='qemu'/></arch>
  </guest>
</capabilities>
"""


def test_the_processor_is_told_with_its_features() -> None:
    assert capabilities.architecture(TEXT) == "x86_64"
    assert capabilities.cpu_model(TEXT) == "EPYC-Rome"
    assert capabilities.cpu_features(TEXT) == ("avx2", "topoext")


def test_each_architecture_is_told_with_its_hypervisors() -> None:
    assert capabilities.guest_kinds(TEXT) == (
        GuestKind("i686", "qemu", "hvm"),
        GuestKind("i686", "kvm", "hvm"),
        GuestKind("x86_64", "qemu", "hvm"),
    )
    assert capabilities.virt_types(TEXT) == ("qemu",)


def test_a_libvirt_that_tells_nothing_is_read_too() -> None:
    nothing = "<capabilities/>"
    assert (capabilities.architecture(nothing), capabilities.cpu_features(nothing)) == ("", ())
    assert capabilities.guest_kinds(nothing) == ()


DOMAIN = """
<domainCapabilities>
  <os supported='yes'>
    <enum name='firmware'><value>bios</value><value>efi</value></enum>
    <loader supported='yes'><enum name='secure'><value>no</value></enum></loader>
  </os>
  <devices>
    <video supported='yes'><enum name='modelType'><value>vga</value><value>virtio</value><value>none</value></enum></video>
    <tpm supported='yes'>
      <enum name='backendModel'><value>passthrough</value><value>emulator</value></enum>
      <enum name='backendVersion'><value>2.0</value></enum>
    </tpm>
  </devices>
</domainCapabilities>
"""


def test_what_machines_may_have_is_what_libvirt_tells() -> None:
    always = ("machine", "viommu-intel", "viommu-virtio", "pci-mirror")

    assert capabilities.machine_words(DOMAIN) == (*always, "uefi", "tpm-2.0", "video-vga", "video-virtio")
    assert "secure-boot" in capabilities.machine_words(DOMAIN.replace("<value>no<", "<value>yes<"))
    assert capabilities.machine_words(DOMAIN.replace("<tpm supported='yes'", "<tpm supported='no'")) == (
        *always, "uefi", "video-vga", "video-virtio",
    )  # fmt: skip
    assert capabilities.machine_words("") == always
