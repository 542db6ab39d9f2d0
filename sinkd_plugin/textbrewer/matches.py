"""The terms between hidden layers: ``intermediate_matches`` by layer number, ``custom_matches`` by module."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import nn

from sinkd_plugin.errors import LossInputError
from sinkd_plugin.textbrewer.features import mask_of
from sinkd_plugin.textbrewer.host import textbrewer
from sinkd_plugin.textbrewer.term import Term

_host = textbrewer()


class Matches:
    """For distillers that compare more than logits; expects ``projs``, ``d_config`` and ``t_config``."""

    d_config: Any
    t_config: Any
    projs: list[Any]
    has_custom_matches: bool
    custom_matches_cache: dict[str, list[Any]]

    def _match_terms(self, student: Mapping[str, Any], teacher: Mapping[str, Any]) -> Iterator[Term]:
        for match, projection in zip(self.d_config.intermediate_matches, self.projs, strict=True):
            theirs, ours = _features(teacher, match, "T"), _features(student, match, "S")
            if projection is not None:
                ours = [projection(one) for one in ours] if isinstance(ours, list) else projection(ours)
            value = _host.MATCH_LOSS_MAP[match.loss](ours, theirs, mask=student.get(mask_of(match.feature)))
            layers = f"{_numbers(match.layer_S)}_{_numbers(match.layer_T)}"
            yield Term(
                name=f"unweighted_{match.feature}_{match.loss.partition(' ')[0]}_{layers}",
                value=value,
                weight=match.weight,
            )

    def _compared_layers(self, side: str) -> dict[str, set[int]]:
        found: dict[str, set[int]] = {}
        for match in self.d_config.intermediate_matches:
            chosen = getattr(match, f"layer_{side}")
            found.setdefault(match.feature, set()).update(chosen if isinstance(chosen, (list, tuple)) else [chosen])
        return found

    def _take_caught(self) -> dict[str, dict[int, torch.Tensor]]:
        if not self.has_custom_matches:
            return {}
        taken = {"caught_S": dict(self._caught_S), "caught_T": dict(self._caught_T)}
        self._give_caught({}, {})
        return taken

    def _give_caught(self, student: dict[int, torch.Tensor], teacher: dict[int, torch.Tensor]) -> None:
        if self.has_custom_matches:
            for caught, given in ((self._caught_S, student), (self._caught_T, teacher)):
                caught.clear()  # in place: the modules' hooks hold on to these very records
                caught.update(given)

    def _custom_match_terms(self, student: Mapping[str, Any], teacher: Mapping[str, Any]) -> Iterator[Term]:
        if not self.has_custom_matches:
            return
        cache = self.custom_matches_cache
        columns = ("match_losses", "match_proj_funcs", "match_weights")
        for number, (loss, projection, weight) in enumerate(zip(*(cache[name] for name in columns), strict=True)):
            ours, theirs = _caught(self._caught_S, number, "student"), _caught(self._caught_T, number, "teacher")
            if projection is not None:
                ours = projection(ours)
            masks = student.get("inputs_mask"), teacher.get("inputs_mask")
            yield Term(name=f"unweighted_custom_match_{number}", value=loss(ours, theirs, *masks), weight=weight)

    def add_match(self, match: Any) -> None:
        """Compare the outputs of two modules; ``match`` is a ``CustomMatch``, or a mapping with the same keys.

        TextBrewer's ``CustomMatch`` wraps loss and weight in tuples by a stray comma, and its distiller reads the
        weights under a misspelt name.
        """
        found = match if isinstance(match, Mapping) else match.to_dict()
        self.add_match_by_module(
            found["module_T"],
            found["module_S"],
            found.get("proj_func"),
            found.get("proj_group") or {},
            _unwrapped(found["weight"]),
            _unwrapped(found["loss"]),
        )

    def add_match_by_module(
        self,
        module_T: nn.Module,
        module_S: nn.Module,
        proj_func: Any,
        proj_group: Any,
        match_weight: float,
        match_loss: Any,
    ) -> None:
        """Compare the outputs of two modules.

        Args:
            module_T: A module of the teacher.
            module_S: A module of the student.
            proj_func: Applied to the student's output; its weights, if it has any, are trained along.
            proj_group: Settings of these weights in the optimiser.
            match_weight: Weight of the term.
            match_loss: ``loss(student, teacher, student_mask, teacher_mask)``, one of TextBrewer's match losses, or
                the name of one.
        """
        cache = self.custom_matches_cache
        number = len(cache["match_weights"])
        self._caught_T: dict[int, Any] = getattr(self, "_caught_T", {})
        self._caught_S: dict[int, Any] = getattr(self, "_caught_S", {})
        module_T.register_forward_hook(_catcher(self._caught_T, number))
        module_S.register_forward_hook(_catcher(self._caught_S, number))
        cache["match_weights"].append(match_weight)
        cache["match_losses"].append(_of_four(_host.MATCH_LOSS_MAP.get(match_loss, match_loss)))
        if isinstance(proj_func, nn.Module):
            proj_func.to(self.t_config.device)
        cache["match_proj_funcs"].append(proj_func)
        cache["match_proj_groups"].append(proj_group)


def _features(results: Mapping[str, Any], match: Any, side: str) -> Any:
    """One layer, or a list of layers."""
    layers, chosen = results.get(match.feature) or (), getattr(match, f"layer_{side}")
    try:
        return [layers[layer] for layer in chosen] if isinstance(chosen, (list, tuple)) else layers[chosen]
    except IndexError:
        raise LossInputError(
            f"'intermediate_matches' needs layer {chosen} of '{match.feature}' from the adaptor of model_{side}.",
            received=f"{len(layers)} layers",
            cure=f"Return {{'{match.feature}': …}} with that many layers, counted from 0.",
        ) from None


def _numbers(layers: Any) -> str:
    return "-".join(map(str, layers)) if isinstance(layers, (list, tuple)) else str(layers)


def _unwrapped(value: Any) -> Any:
    return value[0] if isinstance(value, tuple) and len(value) == 1 else value


def _catcher(caught: dict[int, Any], number: int) -> Callable[[nn.Module, Any, Any], None]:
    def catch(module: nn.Module, inputs: Any, output: Any) -> None:
        # by number, because modules speak in the model's order and matches stand in the caller's
        caught[number] = output[0] if isinstance(output, tuple) else output

    return catch


def _caught(caught: dict[int, Any], number: int, side: str) -> torch.Tensor:
    if number not in caught:
        raise LossInputError(
            f"Module {number} of 'custom_matches' must take part in the {side}'s forward pass.",
            received="no output of it",
        )
    output: torch.Tensor = caught.pop(number)
    return output


def _of_four(loss: Callable[..., Any]) -> Callable[..., Any]:
    """The loss as ``custom_matches`` call it, with two masks; TextBrewer's own match losses know one."""
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(loss).parameters.values()
    takes_four = sum(parameter.kind in positional for parameter in parameters) >= 4 or any(
        parameter.kind is inspect.Parameter.VAR_POSITIONAL for parameter in parameters
    )

    def with_one_mask(student: Any, teacher: Any, student_mask: Any, teacher_mask: Any) -> Any:
        return loss(student, teacher, student_mask)

    return loss if takes_four else with_one_mask
