"""From an exported student to answers, with onnxruntime and tokenizers alone.

sinkd export runs/quickstart/student --to exported
python examples/deploy.py exported "A warm, funny and beautifully acted film."
"""

import sys

from sinkd_export.runtime import Student

student = Student.load(sys.argv[1])
for text, answer in zip(sys.argv[2:], student.predict(sys.argv[2:]), strict=True):
    print(f"{answer['label']} ({answer['scores'][answer['label']]:.1%}): {text}")
