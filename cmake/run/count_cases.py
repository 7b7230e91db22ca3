# Counts the test cases that ran and names those that were skipped, from the reports that GoogleTest wrote; no case at
# all is a failure.
#
# count_cases.py REPORT.xml…
import pathlib
import sys
import xml.etree.ElementTree

ran = 0
skipped = []
for report in map(pathlib.Path, sys.argv[1:]):
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
        if case.get("result") == "completed":
            ran += 1
        elif case.get("result") == "skipped":
            why = [skip.get("message", "").split("\n")[-1].strip() for skip in case.iter("skipped")]
            skipped.append(f"{report.stem}: {case.get('classname')}.{case.get('name')}: {' '.join(why)}")
for case in skipped:
    print(f"skipped: {case}")
print(f"{ran} cases ran, {len(skipped)} were skipped")
if ran == 0:
    sys.exit("no case ran")
