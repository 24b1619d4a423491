"""What do the commands of ``python -m stage_gate`` do? One module each, imported only when it is asked for."""
