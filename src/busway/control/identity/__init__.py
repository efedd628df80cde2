"""Users, projects, roles and tokens: begin with `directory` and `tokens`."""
