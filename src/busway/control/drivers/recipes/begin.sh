#!/bin/sh
# Run once by cloud-init, before the user's own scripts. What went well or wrong is in /var/log/cloud-init-output.log, and its end on the console.
set -eu
tell() { echo "busway: $DRIVER $*" | tee /dev/console; }
trap 'status=$?; [ "$status" = 0 ] || tell "is not ready, a command ended with $status: see /var/log/cloud-init-output.log"' EXIT
