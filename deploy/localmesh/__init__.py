"""The parts of deploy/mesh.py.

settings    ports, places and the environment of each binary
ports       whether a port is free, and who has it
processes   children, their log, and the watchdog that outlives the supervisor
supervisor  `up`: build, start, watch, stop
control     `down`, `reset`, `status`, `instance`: what is done from another terminal
guide       what `up` says when the mesh is ready
"""
