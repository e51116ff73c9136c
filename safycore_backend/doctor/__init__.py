"""`manage.py doctor`: asks the live services, one by one, whether this deployment can work, and says what to do.

Each module has the checks of one service; `examination.py` runs them, `report.py` tells what was found.
"""
