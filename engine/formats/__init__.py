"""Other people's files: each format is a file here that reads records and makes facts of them.

A reader takes a binary stream and settings and yields what it found, in order: facts as
JSON objects, which then go through the strict decoder as those of the HTTP door do
(`found.py`), or what is wrong, or why a record is no fact. Amounts are exact from the first
byte on (rulebook section 1): there is no rounding and no floating point.
"""
