"""What an agent asks of the control plane: begin with `access`."""
