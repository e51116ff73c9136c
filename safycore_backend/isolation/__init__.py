"""Proves, against a running deployment, that nobody reaches another's rows: `python manage.py verify_isolation`.

operations.py knows what can be asked of the API, accounts.py makes the two people, probes.py, data_api_probes.py and
sql_probes.py are the attempts, catalog_rows.py reads the database's catalog and catalog.py judges it; report.py tells.
"""
