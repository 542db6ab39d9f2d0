"""From the zoo, or a run, to answers: export a student, then predict with onnxruntime and tokenizers alone.

python examples/deploy.py zoo:minilm-l3-reviews "A warm, funny and beautifully acted film."
python examples/deploy.py runs/quickstart/student "A warm, funny and beautifully acted film."
"""

import subprocess
import sys

from sinkd_export.runtime import Student

model, *texts = sys.argv[1:]
export = [sys.executable, "-m", "sinkd_plugin", "export", model, "--to", "exported", "--force"]
subprocess.run(export, stdout=sys.stderr, check=True)

student = Student.load("exported")
for text, answer in zip(texts, student.predict(texts), strict=True):
    print(f"{answer['label']} ({answer['scores'][answer['label']]:.1%}): {text}")
