"""Who may do what in the database, as checks that the tests and the mutation run (tests/mutants) share."""
