"""The graphs of a model that has not been exported: made for the run alone, in every form that is asked for."""

from __future__ import annotations

from pathlib import Path

from sinkd_export.bench.forms import RECIPES
from sinkd_export.convert.parts import parts_of
from sinkd_export.convert.recipe import OPSET
from sinkd_export.families import default_form, family_of
from sinkd_export.model_folder import load_config, load_model
from sinkd_plugin.console import note
from sinkd_plugin.errors import UserError


class GraphMaker:
    """Makes graphs in a folder that is thrown away afterwards; a model is converted once for all of its forms.

    They are not verified as ``sinkd export`` does it: outputs of the same weights are compared in the run itself, and
    with a task their scores are.

    Args:
        folder: Where to work.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._converted: dict[Path, Path] = {}
        self._made: dict[tuple[Path, str], Path] = {}

    def graphs(self, model: Path, form: str) -> Path:
        """A folder with the graphs of a model in one form.

        Raises:
            UserError: If the model is of no family that is exported.
            SinkdError: Whatever converting it raises.
        """
        if (model, form) not in self._made:
            note(f"Making {form} of {model.name} for this run.")
            self._made[model, form] = self._make(model, form)
        return self._made[model, form]

    def _make(self, model: Path, form: str) -> Path:
        from sinkd_export.convert.exporter import convert_to_onnx
        from sinkd_export.convert.variants import variants

        config = load_config(model)
        family = family_of(config)
        if family is None:
            raise UserError(
                f"Only models that can be exported are timed in the form '{form}'.",
                received=f"'{model.name}' ({config.model_type})",
                cure="Leave out that --form.",
            )
        parts = parts_of(family, default_form(family))
        place = self._folder / str(len(self._made))
        if model not in self._converted:
            self._converted[model] = place / "converted"
            convert_to_onnx(model, self._converted[model], parts, opset=OPSET)
        made = variants(
            self._converted[model], place / "forms", parts, load_model(model, family), RECIPES[form], lambda: ()
        )
        return list(made)[-1].folder
