"""Words that say nothing about what is asked, in a few languages.

Without them a question shares its articles with sentences that do not answer it. Words that
carry a meaning in another of these languages are left out.
"""

_ENGLISH = """
a about am an and any are as at be been but by can could did do does everything for from get give
had has have he hello her here hey hi him his how i if in into is it its know like ll many me much
my need no not of on or our please re she should so some tell than that the their them then there
these they this those to us ve want was we were what when where which who whom whose why will with
would you your
"""
_GERMAN = """
aber als am an auf aus bei bin bist das dein dem den der des die du ein eine einen einer er es
für hat ich ihr im ist ja kann mein mit nicht oder sich sie sind und uns von wann warum wer wie
wir wird wo zu zum zur
"""
_FRENCH = """
au aux avec ce ces cette dans de des du elle en est et il ils je la le les leur mais mon nous ou où
par pas pour quand que quel quelle quelles quels qui quoi sa se ses son sont sur tu un une vos
votre vous
"""
_SPANISH_ITALIAN_PORTUGUESE = """
al como con cuál cuándo del dónde e el ella ellos es esta este las lo los mi muy o para pero por
qué quién si su sus te una y yo che chi cosa da di dove gli io lui ma ne nel non per più quale
quando sono uma um os das dos em não na nas nos quais quem seu sua
"""
_DUTCH = "dat deze een het hoe niet van voor waar wanneer wat welke zijn"

STOP_WORDS = frozenset(" ".join((_ENGLISH, _GERMAN, _FRENCH, _SPANISH_ITALIAN_PORTUGUESE, _DUTCH)).split())
