# From Ubuntu's own archive (restricted), as the image has it configured. DKMS builds the modules for the kernel that runs.
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
apt-get -q -o DPkg::Lock::Timeout=600 install -y "linux-headers-$(uname -r)" nvidia-headless-570-server nvidia-utils-570-server
dpkg-reconfigure -f noninteractive nvidia-dkms-570-server
modprobe nvidia
nvidia-smi -L
tell "is ready"
