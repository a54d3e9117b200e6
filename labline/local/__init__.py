"""The parts of a lab that runs on this machine, each with what it needs to be this lab's."""
