#!/bin/sh
# The power button: libvirt's shutdown.
exec /bin/poweroff
