"""Where workers run. `local` starts them as processes of this machine."""
