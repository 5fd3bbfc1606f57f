"""What `import export` finds where a command is run by its path: python export/NAME.py

Python looks for packages in export/ then, and not in the checkout; who asks is told what to write.
"""

import sys
from pathlib import Path

sys.stderr.write(
    "error: a command is run as a module, in the folder of the checkout: "
    f"python -m export.{Path(sys.argv[0]).stem}\n"
)
sys.exit(2)
