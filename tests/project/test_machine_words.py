"""The reference has every setting of a guest's machine, and Busway's support of each."""

from pathlib import Path

from busway.domain.guest_machine.words import IGNORED, REFUSED, SERVED
from busway.testing.golden import Golden

_PAGE = Path(__file__).parents[2] / "docs/reference"
_HEAD = """# The guest's machine

Extra specs of the flavor and properties of the image choose the guest's machine, with Nova's names. An unknown name that starts like one of
them is refused, so that a misspelled setting is not silently ignored. If flavor and image both set a value, they must agree. A server
keeps the settings that its image had when the server was created.

A host reports what it supports: UEFI if its libvirt finds OVMF (Debian: `ovmf`), a TPM if it finds swtpm (`swtpm-tools`). A server goes to a host that
supports its machine; if there is none, the fault says what is missing. The machine is always a q35, because devices need PCI Express.

## Supported

| extra spec of a flavor | property of an image | values | meaning |
|---|---|---|---|
"""
_REFUSED = """
## Refused

A request with one of these gets 400 with the reason.

| name | reason |
|---|---|
"""
_IGNORED = """
## Ignored

| name | reason |
|---|---|
"""
_END = """
Without any of these words a guest has SeaBIOS, the host's CPU (`busway agent --cpu-mode`), virtio disks and cards, a serial console, a
random number generator, a screen, no USB and no balloon.

## Limits of CPUs, disks and network cards

The extra specs `quota:...` are [Nova's resource limits](https://docs.openstack.org/nova/latest/admin/resource-limits.html) for libvirt. They have nothing to do
with the quotas of projects. What each means is above; who enforces it, and where:

| limit | enforced by |
|---|---|
| `cpu_shares` | the kernel's cgroup of the guest. Shares matter only while guests want more CPU time than there is, and are compared with those of the other guests: with cgroups v2 (Debian 12) one without the word has 100, with v1 it has 1024. v2 takes 1 to 10000 ([`cpu.weight`](https://docs.kernel.org/admin-guide/cgroup-v2.html)), so more is refused for both |
| `cpu_quota`, `cpu_period` | the same, for each vCPU: 50000 in a period of 100000 is half a CPU for each. QEMU's own threads are not limited |
| `disk_...` | QEMU. Each disk that the guest can write to (root, ephemeral, swap, that of a rescue) has the limits for itself; the configuration drive has none |
| `vif_...` on networks `local` and `bridge` | `tc` on the card's interface on the host, which libvirt sets |
| `vif_...` on networks `geneve` | Open vSwitch, which libvirt tells: a queue towards the guest, policing from it |
| `vif_...` on ports `direct` and `direct-physical` | nobody: the host does not see the traffic. A request for a flavor with them and such a port is refused (`vnic-limits`) |

A total and a part of it, a burst without its rate or below it, a peak below the average and a period without a quota are refused when they are set: libvirt or QEMU would
refuse the guest. A server keeps the limits of its flavor as it was when the server was created; a resize gives it those of the new flavor, and a live migration
keeps them. They are part of the guest's definition: what is plugged in later is limited too.

A host reports `limits` when its agent knows them, and `cpu-limits` when its kernel has the cgroup controller `cpu`. If `cgroup_controllers` in libvirt's `qemu.conf` leaves
`cpu` out, libvirt refuses guests with limits of CPUs, and says so in the server's fault.

## Ephemeral and swap disks

A flavor with `OS-FLV-EXT-DATA:ephemeral` (GiB) or `swap` (MiB) gives its servers more disks: `openstack flavor create --ephemeral 100 --swap
4096 ...`. The host makes them: the ephemeral disk with an ext4 file system labelled `ephemeral0`, which cloud-init mounts at `/mnt`, the swap disk
as a swap area. They come behind the root disk (`vdb`, `vdc`), before the configuration drive. All disks count as disk of the host, swap in whole
GiB; there is no quota of disk. A host can make them when it has `mkfs.ext4` and `mkswap` (`extra-disks`).

| what happens | ephemeral disk | swap disk |
|---|---|---|
| stop, start, reboot | stays | stays |
| rebuild, evacuation | new and empty | new |
| resize | stays, and becomes as large as the new flavor says; it never shrinks. A revert gives it back as it was | new |
| migration, resize to another host | goes along, as Nova copies it: its host uploads it beside the root disk, and a revert goes back to the one that stayed. The agents of both hosts must be of this release (`guest-act`) | new |
| live migration | goes along | goes along |
| shelving that is offloaded, an image of the server | is not part of the image: new and empty afterwards, as in Nova | new |
| delete | deleted | deleted |

A larger ephemeral disk has its old file system: `resize2fs` in the guest grows it. Block devices of a request (`--ephemeral`, `--swap` of `nova
boot`) are refused: the flavor decides.

## Drivers of GPUs

The extra spec or image property `busway:driver` names a driver that cloud-init installs in the guest. Its recipe, a shell script, comes to the
guest as vendor data and runs once, before scripts and commands of user data; `packages` and `runcmd` of user data leave it alone. The guest's console says how it
ended (`busway: nvidia-open-570 is ready`), the rest is in `/var/log/cloud-init-output.log`. The request is refused (`driver-mismatch`) when an alias of the flavor may give a device that the
driver does not drive, and (`driver-system`) when there is no recipe for the image's `os_distro`.

| driver | drives | systems |
|---|---|---|
| `nvidia-open-570` | NVIDIA Turing, Ampere, Ada, Hopper, Blackwell | ubuntu; rocky with NVIDIA's repository in the image |
| `nvidia-570` | NVIDIA Maxwell to Hopper; Blackwell has open kernel modules only | ubuntu |
| `rocm-6` | AMD CDNA 1 to 3, RDNA 2 and 3 | ubuntu with AMD's repository in the image |

Recipes use the repositories that the image has configured, and name none themselves. An alias without a product id is looked up among the
devices that hosts have reported; a product that this release does not know is not refused. The recipes were written by the packages' documentation and
have not been run on a GPU. User data with `vendor_data: {enabled: false}` leaves them out.

## TPM

The state of a TPM stays on the host where the guest ran: a server that moves to another host finds an empty one there. So keys that only a
TPM has are lost with a move; shelving is one.
"""


def _code(name: str) -> str:
    return f"`{name}`" if name else ""


def test_the_page_of_machine_words_is_what_the_code_does() -> None:
    served = "".join(
        f"| {_code(word.flavor)} | {_code(word.image)} | {word.may_be} | {word.meaning} |\n" for word in SERVED
    )
    refused = "".join(f"| {_code(key)} | {why} |\n" for key, why in sorted(REFUSED.items()))
    ignored = "".join(f"| {_code(key)} | {why} |\n" for key, why in sorted(IGNORED.items()))

    Golden(_PAGE).check("machine.md", _HEAD + served + _REFUSED + refused + _IGNORED + ignored + _END)
