#include "engine/models/causal_lm/aten/aten_network.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/cuda/device.hpp"
#include "engine/models/causal_lm/aten/decode_step.hpp"
#include "engine/models/causal_lm/aten/decoder_layers.hpp"
#include "engine/models/causal_lm/aten/kv_pages.hpp"
#include "engine/models/causal_lm/aten/lanes.hpp"
#include "engine/models/causal_lm/aten/to_device.hpp"
#include "engine/models/causal_lm/decoder/embedded_rows.hpp"
#include "engine/models/causal_lm/decoder/rotary.hpp"

namespace parley::causal_lm {
namespace {

using at::Tensor;

// Tokens of one cache that are read together: consecutive rows of the pass.
struct Run {
  int past;
  std::int64_t tokens;
  Tensor pages;  // of the cache
};

// A pass that reads a piece of each of some conversations.
struct Pass {
  std::vector<int> ids;                 // of all runs, one after the other
  std::vector<std::int64_t> positions;  // of each in its conversation
  std::vector<std::int64_t> places;     // of each in the pool
  std::vector<Run> runs;
};

// Who chooses what follows a step's tokens: the host, by the logits, or the device, by chance or not.
enum class Chooses { host, device_likeliest, device };

// A step in memory of its own, whose rows and pages are rounded up to powers of two.
struct KeptStep {
  DecodeStep step;
  Tensor told;                         // logits [rows, vocabulary], or what was chosen [rows]
  std::unique_ptr<cuda::Graph> graph;  // null on the CPU, and where none can be captured
};

// What was chosen, on the host.
class StepOnItsWay final : public StartedStep {
 public:
  StepOnItsWay(const Tensor& chosen, cuda::Device* gpu) : chosen_(chosen) {
    if (gpu == nullptr) {
      chosen_ = chosen.clone();  // the next step writes there
      return;
    }
    chosen_ = at::empty(chosen.sizes(), at::TensorOptions().dtype(at::kLong).pinned_memory(true));
    chosen_.copy_(chosen, /*non_blocking=*/true);
    copied_ = gpu->mark();
  }

  std::span<const std::int64_t> chosen() override {
    if (copied_) copied_->wait();
    copied_.reset();
    return {chosen_.const_data_ptr<std::int64_t>(), static_cast<std::size_t>(chosen_.numel())};
  }

 private:
  Tensor chosen_;
  std::unique_ptr<cuda::Event> copied_;
};

std::int64_t rounded_up(std::int64_t count) {
  return static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(count)));
}

at::Device device_of(const std::string& name) {
  try {
    const at::Device device(name);
    at::empty({1}, at::TensorOptions().device(device));
    return device;
  } catch (const c10::Error& error) {
    throw std::runtime_error("the device \"" + name + "\" cannot be used (" + error.what_without_backtrace() +
                             "); expected cpu, cuda or cuda:N");
  }
}

}  // namespace

struct AtenNetwork::Impl {
  Impl(const DecoderConfig& wanted, const DecoderCheckpoint& checkpoint, Precision precision,
       const std::string& device, bool graphs)
      : config(wanted),
        keep_steps(graphs),
        gpu(cuda::is_cuda(device) ? cuda::open(device) : nullptr),
        placing(precision, device_of(device)),
        options(placing.options()) {
    const c10::InferenceMode inference;
    enter();
    embed_tokens = placing.matrix(checkpoint.embed_tokens);
    if (checkpoint.lm_head)
      lm_head = placing.linear(*checkpoint.lm_head);
    else
      lm_head.weight = embed_tokens;
    norm = {placing.vector(checkpoint.norm), config.rms_norm_eps};
    for (const CheckpointLayer& from : checkpoint.layers)
      layers.push_back(placing.layer(from, config.rms_norm_eps));
    place_angles();
    pool = std::make_shared<KvPool>(config.num_hidden_layers, config.num_key_value_heads, config.head_dim,
                                    options);
    lanes = std::make_shared<Lanes>(config.vocab_size, options.device());
  }

  // Before any work on tensors.
  void enter() const {
    if (gpu) gpu->use_on_this_thread();
  }

  // Both halves of a head turn alike: [positions, head_dim].
  void place_angles() {
    const Rotary rotary(config);
    const std::int64_t pairs = rotary.pairs();
    const Tensor cosine = at::empty({config.max_position_embeddings, pairs}, at::kFloat);
    const Tensor sine = at::empty_like(cosine);
    for (int position = 0; position < config.max_position_embeddings; ++position)
      rotary.angles(position, cosine.data_ptr<float>() + position * pairs,
                    sine.data_ptr<float>() + position * pairs);
    cosines = at::cat({cosine, cosine}, -1).to(options);
    sines = at::cat({sine, sine}, -1).to(options);
  }

  template <typename Number>
  Tensor on_device(const std::vector<Number>& numbers) const {
    return to_device(std::span<const Number>(numbers), options.device());
  }

  // Makes room for a row and adds it to the pass.
  void add(const ReadRow& row, Pass& pass) const {
    auto& cache = dynamic_cast<PagedCache&>(*row.cache);
    const int tokens = static_cast<int>(row.ids.size());
    cache.reserve(row.past, row.past + tokens);
    pass.ids.insert(pass.ids.end(), row.ids.begin(), row.ids.end());
    for (int position = row.past; position < row.past + tokens; ++position) {
      pass.positions.push_back(position);
      pass.places.push_back(cache.place(position));
    }
    pass.runs.push_back({row.past, tokens, on_device(cache.pages())});
  }

  static void copy_out(const Tensor& logits, std::span<float> to) {
    const Tensor result = logits.cpu().contiguous();
    std::memcpy(to.data(), result.data_ptr<float>(), result.nbytes());
  }

  Tensor logits_of(const Tensor& hidden_states) const { return lm_head(hidden_states).to(at::kFloat); }

  // The layers on x [tokens, hidden] at those positions and places: hidden states after the last norm.
  // attend(index, q) is given q [tokens, heads, head_dim] when the layer's keys and values are in the pool.
  template <typename Attend>
  Tensor forward(Tensor x, const Tensor& positions, const Tensor& places, const Attend& attend) const {
    const Tensor cosine = cosines.index_select(0, positions).unsqueeze(1);  // [tokens, 1, head_dim]
    const Tensor sine = sines.index_select(0, positions).unsqueeze(1);
    for (int index = 0; index < config.num_hidden_layers; ++index) {
      const DecoderLayer& layer = layers[static_cast<std::size_t>(index)];
      const Tensor normed = layer.input_layernorm(x);
      const Tensor q = rotate(split_heads(layer.q_proj(normed)), cosine, sine);
      const Tensor k = rotate(split_heads(layer.k_proj(normed)), cosine, sine);
      flat(pool->keys(index)).index_copy_(0, places, k);
      flat(pool->values(index)).index_copy_(0, places, split_heads(layer.v_proj(normed)));
      x = x + layer.o_proj(attend(index, q).flatten(1));
      x = x + layer.mlp(layer.post_attention_layernorm(x));
    }
    return norm(x);
  }

  Tensor read(const Pass& pass) const {
    std::vector<Tensor> masks;  // [tokens, length]: a token sees itself and all before it
    for (const Run& run : pass.runs)
      masks.push_back(
          at::full({run.tokens, run.past + run.tokens}, -std::numeric_limits<float>::infinity(), options)
              .triu_(run.past + 1));
    const auto attend = [&](int index, const Tensor& q) {
      std::vector<Tensor> mixed;
      std::int64_t first = 0;
      for (std::size_t each = 0; each < pass.runs.size(); first += pass.runs[each].tokens, ++each) {
        const Run& run = pass.runs[each];
        const auto past = [&](const Tensor& of) {  // [kv_heads, length, head_dim]
          return flat(of.index_select(0, run.pages)).narrow(0, 0, run.past + run.tokens).transpose(0, 1);
        };
        mixed.push_back(at::scaled_dot_product_attention(
                            q.narrow(0, first, run.tokens).transpose(0, 1).unsqueeze(0),
                            past(pool->keys(index)).unsqueeze(0), past(pool->values(index)).unsqueeze(0),
                            masks[each], /*dropout_p=*/0.0, /*is_causal=*/false, /*scale=*/{},
                            /*enable_gqa=*/true)
                            .squeeze(0)
                            .transpose(0, 1));
      }
      return at::cat(mixed);  // [tokens, heads, head_dim]
    };
    return forward(embed(pass.ids), on_device(pass.positions), on_device(pass.places), attend);
  }

  // Logits [rows, vocabulary] of what follows x [rows, hidden], the step's tokens.
  Tensor logits_after(const Tensor& x, const DecodeStep& step) const {
    const std::int64_t rows = step.rows();
    const std::int64_t reach = step.pages() * page_positions;
    const Tensor positions = step.positions(), tables = step.tables();
    const Tensor beyond =
        at::arange(reach, positions.options()).unsqueeze(0) > positions.unsqueeze(1);  // [rows, reach]
    const Tensor mask = at::zeros({rows, reach}, options)
                            .masked_fill_(beyond, -std::numeric_limits<float>::infinity())
                            .view({rows, 1, 1, reach})
                            .expand({-1, -1, config.heads_a_kv_head(), -1});
    // What lies beyond a conversation's end is another's, or was cut off: even what is not finite must not
    // count.
    const Tensor unused = beyond.view({rows, reach, 1, 1});
    const auto attend = [&](int index, const Tensor& q) {
      const auto past = [&](const Tensor& of) {  // [rows, kv_heads, reach, head_dim]
        return of.index_select(0, tables)
            .view({rows, reach, config.num_key_value_heads, config.head_dim})
            .masked_fill_(unused, 0.0)
            .transpose(1, 2);
      };
      // The queries that share a head of keys stand where others have a time axis.
      return at::scaled_dot_product_attention(
                 q.reshape({rows, config.num_key_value_heads, config.heads_a_kv_head(), config.head_dim}),
                 past(pool->keys(index)), past(pool->values(index)), mask)
          .reshape({rows, config.num_attention_heads, config.head_dim});
    };
    return logits_of(forward(x, positions, step.places(), attend));
  }

  // What a step tells: logits, or what the device chose. Fixed shapes and no look at a number: a graph can
  // hold it.
  Tensor run(const DecodeStep& step, Chooses chooses) const {
    if (chooses == Chooses::host) return logits_after(embed_tokens.index_select(0, step.tokens()), step);
    const Tensor tokens = lanes->read(step);
    const Tensor logits = logits_after(embed_tokens.index_select(0, tokens), step);
    return lanes->choose(step, logits, /*draws=*/chooses == Chooses::device);
  }

  // Makes room for each row's token, and tells the row where it lies.
  std::int64_t make_room(std::span<KvCache* const> caches, std::vector<DecodeStep::Row>& rows) const {
    std::size_t pages = 1;
    for (std::size_t index = 0; index < rows.size(); ++index) {
      auto& cache = dynamic_cast<PagedCache&>(*caches[index]);
      const int position = static_cast<int>(rows[index].position);
      cache.reserve(position, position + 1);
      rows[index].place = cache.place(position);
      rows[index].pages = cache.pages();
      pages = std::max(pages, cache.pages().size());
    }
    return static_cast<std::int64_t>(pages);
  }

  // What the step tells of `rows`.
  Tensor step(const std::vector<DecodeStep::Row>& rows, std::int64_t pages, Chooses chooses) {
    const auto count = static_cast<std::int64_t>(rows.size());
    if (!keep_steps)
      return run(DecodeStep::on_host(rows, count, pages, gpu != nullptr).to(options.device()), chooses);
    const DecodeStep here = DecodeStep::on_host(rows, rounded_up(count), rounded_up(pages), gpu != nullptr);
    KeptStep& kept = kept_step(here, chooses);
    if (kept.graph)
      kept.graph->replay();
    else
      kept.told = run(kept.step, chooses);
    return kept.told.narrow(0, 0, count);
  }

  // The kept step of the same size, with the numbers of `step`. It is captured the first time, and again when
  // what it reads has moved.
  KeptStep& kept_step(const DecodeStep& step, Chooses chooses) {
    const int moves = pool->moves() + lanes->moves();
    if (kept_moves != moves) kept_steps.clear();
    kept_moves = moves;
    const auto key = std::tuple(step.rows(), step.pages(), chooses);
    if (const auto found = kept_steps.find(key); found != kept_steps.end()) {
      found->second.step.take(step);
      return found->second;
    }
    const DecodeStep nobody = DecodeStep::on_host({}, step.rows(), step.pages(), gpu != nullptr);
    KeptStep kept{nobody.to(options.device()), {}, {}};
    if (gpu) {
      run(kept.step, chooses);  // libraries make themselves ready, which must not be captured
      kept.graph = gpu->capture([&] { kept.told = run(kept.step, chooses); });
    }
    kept.step.take(step);
    return kept_steps.emplace(key, std::move(kept)).first->second;
  }

  // Tells of a step whose rows some read what is embedded, which no graph holds.
  Tensor step_with_embedded_rows(const std::vector<int>& ids, const std::vector<DecodeStep::Row>& rows,
                                 std::int64_t pages) const {
    const auto count = static_cast<std::int64_t>(rows.size());
    return logits_after(embed(ids),
                        DecodeStep::on_host(rows, count, pages, gpu != nullptr).to(options.device()));
  }

  // [tokens, hidden]; ids below 0 are EmbeddedRows.
  Tensor embed(const std::vector<int>& ids) const {
    std::vector<std::int64_t> tokens(ids.begin(), ids.end());
    std::vector<std::int64_t> places;
    for (std::size_t index = 0; index < ids.size(); ++index)
      if (ids[index] < 0) {
        tokens[index] = 0;
        places.push_back(static_cast<std::int64_t>(index));
      }
    Tensor x = embed_tokens.index_select(0, on_device(tokens));
    if (places.empty()) return x;
    const Tensor rows = at::empty({static_cast<std::int64_t>(places.size()), config.hidden_size}, at::kFloat);
    for (std::size_t index = 0; index < places.size(); ++index)
      std::copy_n(EmbeddedRows::find(ids[static_cast<std::size_t>(places[index])]).values, config.hidden_size,
                  rows.data_ptr<float>() + static_cast<std::ptrdiff_t>(index) * config.hidden_size);
    return x.index_copy(0, on_device(places), rows.to(options));
  }

  // [tokens, heads, head_dim]
  Tensor split_heads(const Tensor& x) const { return x.view({x.size(0), -1, config.head_dim}); }

  // [pages, 64, ...] -> [pages * 64, ...]
  static Tensor flat(const Tensor& pages) { return pages.flatten(0, 1); }

  static Tensor rotate(const Tensor& x, const Tensor& cosine, const Tensor& sine) {
    const auto halves = x.chunk(2, -1);
    return x * cosine + at::cat({-halves[1], halves[0]}, -1) * sine;
  }

  DecoderConfig config;
  bool keep_steps;
  std::unique_ptr<cuda::Device> gpu;  // null on the CPU
  Placing placing;
  at::TensorOptions options;
  Tensor embed_tokens;  // [vocabulary, hidden]
  std::vector<DecoderLayer> layers;
  RmsNorm norm;
  Linear lm_head;
  Tensor cosines, sines;  // [context, head_dim]
  std::shared_ptr<KvPool> pool;
  std::shared_ptr<Lanes> lanes;
  std::map<std::tuple<std::int64_t, std::int64_t, Chooses>, KeptStep> kept_steps;  // by rows, pages
  int kept_moves = 0;
};

AtenNetwork::AtenNetwork(const DecoderConfig& config, const DecoderCheckpoint& checkpoint,
                         Precision precision, const std::string& device, bool graphs)
    : impl_(std::make_unique<Impl>(config, checkpoint, precision, device, graphs)) {}
AtenNetwork::~AtenNetwork() = default;

std::unique_ptr<KvCache> AtenNetwork::new_cache() const { return std::make_unique<PagedCache>(impl_->pool); }

std::size_t AtenNetwork::kv_bytes_per_token() const {
  return static_cast<std::size_t>(impl_->config.num_hidden_layers) *
         static_cast<std::size_t>(2 * impl_->config.kv_width()) *
         c10::elementSize(c10::typeMetaToScalarType(impl_->options.dtype()));
}

std::size_t AtenNetwork::weight_bytes() const {
  std::size_t bytes = impl_->embed_tokens.nbytes();
  if (!impl_->lm_head.weight.is_same(impl_->embed_tokens)) bytes += impl_->lm_head.bytes();
  for (const DecoderLayer& layer : impl_->layers) bytes += layer.bytes();
  return bytes;
}

void AtenNetwork::read(std::span<const ReadRow> rows) {
  const c10::InferenceMode inference;
  impl_->enter();
  Pass pass;
  for (const ReadRow& row : rows) impl_->add(row, pass);
  impl_->read(pass);
}

void AtenNetwork::read_all(const ReadRow& row, std::span<float> logits) {
  const c10::InferenceMode inference;
  impl_->enter();
  Pass pass;
  impl_->add(row, pass);
  Impl::copy_out(impl_->logits_of(impl_->read(pass)), logits);
}

void AtenNetwork::step(std::span<const StepRow> rows, std::span<float> logits) {
  const c10::InferenceMode inference;
  impl_->enter();
  std::vector<KvCache*> caches;
  std::vector<DecodeStep::Row> told;
  std::vector<int> ids;
  for (const StepRow& row : rows) {
    caches.push_back(row.cache);
    told.push_back({.token = row.token, .position = row.position});
    ids.push_back(row.token);
  }
  const std::int64_t pages = impl_->make_room(caches, told);
  const bool embedded = std::ranges::any_of(ids, [](int id) { return id < 0; });
  Impl::copy_out(
      embedded ? impl_->step_with_embedded_rows(ids, told, pages) : impl_->step(told, pages, Chooses::host),
      logits);
}

std::unique_ptr<Lane> AtenNetwork::new_lane(const engine::Sampling& sampling) {
  const c10::InferenceMode inference;
  impl_->enter();
  return std::make_unique<OwnLane>(impl_->lanes, sampling);
}

void AtenNetwork::say(Lane& lane, std::span<const int> ids) {
  const c10::InferenceMode inference;
  impl_->enter();
  impl_->lanes->say(dynamic_cast<OwnLane&>(lane).index(), ids);
}

std::shared_ptr<StartedStep> AtenNetwork::start(std::span<const ChoosingRow> rows) {
  const c10::InferenceMode inference;
  impl_->enter();
  std::vector<KvCache*> caches;
  std::vector<DecodeStep::Row> told;
  Chooses chooses = Chooses::device_likeliest;
  for (const ChoosingRow& row : rows) {
    const auto& lane = dynamic_cast<const OwnLane&>(*row.lane);
    caches.push_back(row.cache);
    told.push_back({.token = row.token ? *row.token : chosen_before,
                    .position = row.position,
                    .lane = lane.index(),
                    .drawn = row.drawn});
    if (lane.draws()) chooses = Chooses::device;
  }
  const std::int64_t pages = impl_->make_room(caches, told);
  return std::make_shared<StepOnItsWay>(impl_->step(told, pages, chooses), impl_->gpu.get());
}

}  // namespace parley::causal_lm
