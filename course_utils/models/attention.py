"""Attention (Bahdanau, Cho, Bengio 2015): a decoder that looks at a memory anew before each word that it says.

The memory is any set of vectors (N, T, memory_size): the states of an encoder that read a sentence, or the places of a
feature map. Derived in notebooks/19_attention.ipynb.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from course_utils.datasets.phrases import END, PAD, START
from course_utils.models.yolo import Encoder


def gru_step(
    state: torch.Tensor,
    inputs: torch.Tensor,
    W_r: torch.Tensor,
    W_z: torch.Tensor,
    W: torch.Tensor,
    reset_inside: bool = True,
    z_is_new: bool = True,
) -> torch.Tensor:
    """One step of a gated recurrent unit without biases, as Bahdanau et al. 2015 (appendix A) write it.

    r and z are sigmoids of W_r and W_z times [state, inputs]; the proposal is tanh(W [r * state, inputs]); the new
    state is (1 - z) * state + z * proposal. Derived in notebooks/19_attention.ipynb.

    Args:
        state: (N, H).
        inputs: (N, I).
        W_r, W_z, W: (H, H + I).
        reset_inside: False multiplies with r after the product with W's first H columns, as PyTorch's cell does.
        z_is_new: False exchanges z and 1 - z, as PyTorch's cell does.

    Returns:
        The new state, (N, H).
    """
    size = state.shape[-1]
    both = torch.cat([state, inputs], dim=-1)
    r, z = torch.sigmoid(both @ W_r.T), torch.sigmoid(both @ W_z.T)
    past = (r * state) @ W[:, :size].T if reset_inside else r * (state @ W[:, :size].T)
    proposal = torch.tanh(past + inputs @ W[:, size:].T)
    new = z if z_is_new else 1 - z
    return (1 - new) * state + new * proposal


class AdditiveAttention(nn.Module):
    """Scores e_j = v^T tanh(W s + U h_j), their softmax over the memory, and the mixture of the memory that they give.

    Bahdanau et al. 2015, equations 5 and 6. Derived in notebooks/19_attention.ipynb.

    Args:
        state_size: of s.
        memory_size: of each h_j.
        width: of the space in which the two are compared.

    Shapes: state (N, state_size), memory (N, T, memory_size), keys = U memory (N, T, width), mask bool (N, T), True
    where there is something to look at, to the context (N, memory_size) and the weights (N, T).
    """

    def __init__(self, state_size: int, memory_size: int, width: int):
        super().__init__()
        self.W = nn.Linear(state_size, width, bias=False)
        self.U = nn.Linear(memory_size, width, bias=False)
        self.v = nn.Linear(width, 1, bias=False)

    def forward(
        self, state: torch.Tensor, memory: torch.Tensor, keys: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        scores = self.v(torch.tanh(self.W(state)[:, None] + keys))[..., 0]  # (N, T)
        weights = scores.masked_fill(~mask, float("-inf")).softmax(dim=1)
        return (weights[:, None] @ memory)[:, 0], weights


class Decoder(nn.Module):
    """Says one word after the other; before each it looks at the memory, or, without attention, at one summary.

    Derived in notebooks/19_attention.ipynb.

    Args:
        num_words: of the vocabulary, PAD, START and END included.
        memory_size: of a vector of the memory, and of the summary.
        width: of its state, and of its words' vectors.
        attention: False for a decoder that gets the summary at every step, and nothing else (Cho et al. 2014).

    Shapes: memory (N, T, memory_size), mask (N, T), summary (N, memory_size), words int64 (N, L), to logits
    (N, L, num_words) and weights (N, L, T), or None without attention.
    """

    def __init__(self, num_words: int, memory_size: int, width: int, attention: bool = True):
        super().__init__()
        self.embed = nn.Embedding(num_words, width)
        self.begin = nn.Linear(memory_size, width)
        self.attend = AdditiveAttention(width, memory_size, width) if attention else None
        self.cell = nn.GRUCell(width + memory_size, width)
        self.answer = nn.Linear(width + memory_size, num_words)

    def look(self, state, memory, keys, mask, summary):
        """The context (N, memory_size) and, with attention, the weights (N, T)."""
        return (summary, None) if self.attend is None else self.attend(state, memory, keys, mask)

    def forward(self, memory, mask, summary, words):
        """Logits where the right words so far are given (teacher forcing)."""
        before = F.pad(words[:, :-1], (1, 0), value=START)
        state, keys = torch.tanh(self.begin(summary)), None if self.attend is None else self.attend.U(memory)
        said, gaze = [], []
        for word in self.embed(before).unbind(dim=1):
            context, weights = self.look(state, memory, keys, mask, summary)
            state = self.cell(torch.cat([word, context], dim=1), state)
            said.append(torch.cat([state, context], dim=1))
            gaze.append(weights)
        return self.answer(torch.stack(said, dim=1)), None if self.attend is None else torch.stack(gaze, dim=1)

    @torch.no_grad()
    def say(self, memory, mask, summary, most):
        """The words int64 (N, L) that it says by itself, each time the likeliest, at most `most`, and the weights."""
        state, keys = torch.tanh(self.begin(summary)), None if self.attend is None else self.attend.U(memory)
        word = torch.full((len(memory),), START, device=memory.device)
        words, gaze = [], []
        while len(words) < most and not (words and (torch.stack(words) == END).any(dim=0).all()):
            context, weights = self.look(state, memory, keys, mask, summary)
            state = self.cell(torch.cat([self.embed(word), context], dim=1), state)
            word = self.answer(torch.cat([state, context], dim=1)).argmax(dim=1)
            words.append(word)
            gaze.append(weights)
        return torch.stack(words, dim=1), None if self.attend is None else torch.stack(gaze, dim=1)


class Translator(nn.Module):
    """A GRU that reads a sentence forwards and backwards, and a `Decoder` that says its translation.

    Derived in notebooks/19_attention.ipynb.

    Args:
        num_source, num_target: words of the two vocabularies.
        width: of words' vectors and states.
        attention: whether the decoder looks at all of the encoder's states, or at the two last ones only.

    Shapes: sources int64 (N, T), targets int64 (N, L), to logits (N, L, num_target) and weights (N, L, T) or None.
    """

    def __init__(self, num_source: int, num_target: int, width: int = 64, attention: bool = True):
        super().__init__()
        self.embed = nn.Embedding(num_source, width)
        self.encoder = nn.GRU(width, width, batch_first=True, bidirectional=True)
        self.decoder = Decoder(num_target, 2 * width, width, attention)

    def read(self, sources):
        """Memory (N, T, 2 width), mask (N, T), and the summary (N, 2 width): both directions' last states."""
        mask = sources != PAD
        packed = nn.utils.rnn.pack_padded_sequence(
            self.embed(sources), mask.sum(dim=1).cpu(), batch_first=True, enforce_sorted=False
        )
        states, last = self.encoder(packed)
        memory, _ = nn.utils.rnn.pad_packed_sequence(states, batch_first=True, total_length=sources.shape[1])
        return memory, mask, torch.cat([last[0], last[1]], dim=1)

    def forward(self, sources, targets):
        return self.decoder(*self.read(sources), targets)

    @torch.no_grad()
    def say(self, sources, most=60):
        """The translations int64 (N, L), at most `most` words, and the weights (N, L, T) or None."""
        return self.decoder.say(*self.read(sources), most)


@torch.no_grad()
def picture_memory(encoder: Encoder, images: torch.Tensor) -> torch.Tensor:
    """A picture as a set of places: what the encoder's maps say there, its colors, and where it is.

    The maps of the early layers and of both resolutions, the coarse one repeated to an eighth of the picture's; the
    red, green and blue of the place's four quarters, of 4 by 4 pixels each, and the whole picture's mean, in -2..2; its
    x and y in -1..1. Derived in notebooks/19_attention.ipynb.

    Args:
        encoder: in evaluation mode.
        images: float32 (N, 3, H, W) in 0..1.

    Returns:
        (N, H / 8 * W / 8, 14 width + 17), row by row.
    """
    early = encoder.early(images)
    fine, coarse = encoder.late(early)
    coarse = F.interpolate(coarse, scale_factor=2.0, mode="nearest")
    rows, columns = (torch.linspace(-1, 1, side, device=images.device) for side in fine.shape[2:])
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    place = torch.stack([x, y]).expand(len(images), -1, -1, -1)
    color = (F.avg_pool2d(images, 4) - 0.5) / 0.25
    light = color.mean(dim=(2, 3), keepdim=True).expand(-1, -1, *fine.shape[2:])
    maps = [early, fine, coarse, F.pixel_unshuffle(color, 2), light, place]
    return torch.cat(maps, dim=1).flatten(2).transpose(1, 2)


class Captioner(nn.Module):
    """A `Decoder` that describes a picture whose places are its memory (after Xu et al. 2015).

    Derived in notebooks/19_attention.ipynb.

    Args:
        num_words: of the vocabulary.
        place_size: numbers a place, as `picture_memory` gives them; the last two are its x and y.
        width: of what is kept of a place, and of the decoder.
        attention: whether it looks at places, or at the mean of all places only.

    Shapes: places (N, T, place_size) and sentences int64 (N, L) to logits (N, L, num_words) and weights (N, L, T) or
    None.
    """

    def __init__(self, num_words: int, place_size: int, width: int = 64, attention: bool = True):
        super().__init__()
        self.squeeze = nn.Linear(place_size, width)
        self.decoder = Decoder(num_words, width + 2, width, attention)

    def read(self, places):
        """Memory (N, T, width + 2), a mask that is True everywhere, and the summary (N, width + 2): the mean place."""
        memory = torch.cat([F.relu(self.squeeze(places)), places[..., -2:]], dim=2)
        return memory, torch.ones_like(memory[..., 0], dtype=torch.bool), memory.mean(dim=1)

    def forward(self, places, sentences):
        return self.decoder(*self.read(places), sentences)

    @torch.no_grad()
    def say(self, places, most=12):
        """The sentences int64 (N, L), at most `most` words, and the weights (N, L, T) or None."""
        return self.decoder.say(*self.read(places), most)
