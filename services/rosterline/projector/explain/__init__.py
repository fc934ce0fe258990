"""Why the records of a person, class, course, school or class place are as they are, or missing."""
