# From AMD's repository, which the image must have configured: Ubuntu's own archive has no ROCm 6.
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
apt-cache show rocm amdgpu-dkms > /dev/null || tell "needs an image with the repository of AMD configured"
apt-get -q -o DPkg::Lock::Timeout=600 install -y "linux-headers-$(uname -r)" amdgpu-dkms rocm
modprobe amdgpu
rocminfo
tell "is ready"
