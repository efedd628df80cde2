"""Takes in what agents report: begin with `report`."""
