"""What `import train` finds where a command is run by its path: python train/NAME.py

Python looks for packages in train/ then, and not in the checkout; who asks is told what to write.
"""

import sys
from pathlib import Path

sys.stderr.write(
    "error: a command is run as a module, in the folder of the checkout: "
    f"python -m train.{Path(sys.argv[0]).stem}\n"
)
sys.exit(2)
