# From NVIDIA's repository, which the image must have configured: Rocky Linux's own repositories have no such driver.
dnf -q module info nvidia-driver > /dev/null || tell "needs an image with the repository of NVIDIA configured"
dnf install -y "kernel-devel-$(uname -r)"
dnf module install -y nvidia-driver:570-open
modprobe nvidia
nvidia-smi -L
tell "is ready"
