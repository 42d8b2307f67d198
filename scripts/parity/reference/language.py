"""The reference's language model: transformers' Qwen2 with an untied head, float32, eager attention, no cache: like the
reference, every step runs the whole prompt again."""
import dataclasses

import torch
import transformers

STOPS = ("<|EOT|>", "<|im_end|>", "<|endoftext|>")


def make_config(text_config: dict, attention: str = "eager") -> transformers.Qwen2Config:
    names = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "vocab_size",
             "max_position_embeddings", "rms_norm_eps", "rope_theta")
    return transformers.Qwen2Config(**{name: text_config[name] for name in names}, hidden_act="silu", tie_word_embeddings=False,
                                    sliding_window=None, attn_implementation=attention)


@dataclasses.dataclass
class Answer:
    ids: list[int]  # without the stop id
    stop_reason: str  # the stop token, or "length"
    first_logits: torch.Tensor  # [vocab]
    margin: float  # the least distance of the best logit from the second


class Language:
    def __init__(self, checkpoint) -> None:
        config = make_config(checkpoint.config.get("text_config", checkpoint.config))
        self.model = transformers.Qwen2ForCausalLM(config).eval()
        weights = {f"model.{name}": tensor for name, tensor in checkpoint.part("model.").items()}
        self.model.load_state_dict(weights | {"lm_head.weight": checkpoint.tensors["lm_head.weight"]}, strict=True)
        self.audio_start = checkpoint.tokenizer.convert_tokens_to_ids("<audio_start>")
        self.stops = {checkpoint.tokenizer.convert_tokens_to_ids(stop): stop for stop in STOPS}

    def embed(self, ids: list[int], audio_rows: list[torch.Tensor]) -> torch.Tensor:
        """[n, hidden]; the rows of the k-th piece replace those after the k-th <audio_start>."""
        rows = self.model.model.embed_tokens(torch.tensor(ids)).clone()
        starts = [place for place, token in enumerate(ids) if token == self.audio_start]
        if len(starts) != len(audio_rows):
            raise ValueError(f"{len(audio_rows)} pieces were heard, and the prompt has room for {len(starts)}")
        for start, heard in zip(starts, audio_rows):
            rows[start + 1:start + 1 + len(heard)] = heard
        return rows

    @torch.inference_mode()
    def answer(self, ids: list[int], audio_rows: list[torch.Tensor], most: int, least_margin: float) -> Answer:
        """Greedy. It ends, as if by length, before a choice between logits nearer than `least_margin`: rounding could turn it."""
        rows, out, first, margin = self.embed(ids, audio_rows), [], None, float("inf")
        while len(out) < most:
            logits = self.model(inputs_embeds=rows[None], use_cache=False).logits[0, -1]
            first = logits if first is None else first
            best = logits.topk(2)
            nearest = float(best.values[0] - best.values[1])
            if nearest < least_margin:
                break
            margin = min(margin, nearest)
            token = int(best.indices[0])
            if token in self.stops:
                return Answer(out, self.stops[token], first, margin)
            out.append(token)
            rows = torch.cat([rows, self.model.model.embed_tokens(torch.tensor([token]))])
        return Answer(out, "length", first, margin)

    @torch.inference_mode()
    def score(self, ids: list[int], places: list[int]) -> list[float]:
        """The log-probability of the ids at `places`, each given all before it."""
        logits = self.model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]
        every = logits.double().log_softmax(dim=-1)
        return [float(every[place - 1, ids[place]]) for place in places]
