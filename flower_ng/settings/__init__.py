"""Settings: every option of flower_ng, declared once, and where their values come from. Start only.

Lowest to highest: default, environment, configuration file, command line (as in Flower).
"""

from flower_ng.settings.declared import OPTIONS, Settings
from flower_ng.settings.option import Option
from flower_ng.settings.sources import Loaded, load, load_arguments

__all__ = ["OPTIONS", "Loaded", "Option", "Settings", "load", "load_arguments"]
