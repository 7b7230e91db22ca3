# Counts the test cases that ran, from the reports that GoogleTest wrote; none at all is a failure.
#
# count_cases.py TITLE REPORT.xml…
import sys
import xml.etree.ElementTree

title, *reports = sys.argv[1:]
ran = skipped = 0
for report in reports:
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
        if case.get("status") == "run" and case.get("result") == "completed":
            ran += 1
        else:
            skipped += 1
print(f"{title}: {ran} cases ran, {skipped} skipped")
if ran == 0:
    sys.exit(f"{title}: no case ran")
