#include "engine/models/causal_lm/aten/aten_network.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/cuda/device.hpp"
#include "engine/models/causal_lm/aten/decode_step.hpp"
#include "engine/models/causal_lm/aten/decoder.hpp"
#include "engine/models/causal_lm/aten/kv_pages.hpp"
#include "engine/models/causal_lm/aten/lanes.hpp"
#include "engine/models/causal_lm/aten/to_device.hpp"

namespace parley::causal_lm {
namespace {

using at::Tensor;

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

// Null on the CPU; on a GPU the calling thread works there from then on.
std::unique_ptr<cuda::Device> open_gpu(const std::string& device) {
  if (!cuda::is_cuda(device)) return nullptr;
  auto gpu = cuda::open(device);
  gpu->use_on_this_thread();
  return gpu;
}

}  // namespace

struct AtenNetwork::Impl {
  Impl(const DecoderConfig& config, const DecoderCheckpoint& checkpoint, Precision precision,
       const std::string& device, bool graphs)
      : keep_steps(graphs),
        gpu(open_gpu(device)),
        placing(precision, device_of(device)),
        decoder(config, checkpoint, placing),
        pool(std::make_shared<KvPool>(config.num_hidden_layers, config.num_key_value_heads, config.head_dim,
                                      placing.options())),
        lanes(std::make_shared<Lanes>(config.vocab_size, placing.options().device())) {}

  // Before any work on tensors.
  void enter() const {
    if (gpu) gpu->use_on_this_thread();
  }

  // Makes room for a row and adds it to the pass.
  void add(const ReadRow& row, ReadPass& pass) const {
    auto& cache = dynamic_cast<PagedCache&>(*row.cache);
    const int tokens = static_cast<int>(row.ids.size());
    cache.reserve(row.past, row.past + tokens);
    pass.ids.insert(pass.ids.end(), row.ids.begin(), row.ids.end());
    for (int position = row.past; position < row.past + tokens; ++position) {
      pass.positions.push_back(position);
      pass.places.push_back(cache.place(position));
    }
    pass.runs.push_back({row.past, tokens, to_device(cache.pages(), device())});
  }

  static void copy_out(const Tensor& logits, std::span<float> to) {
    const Tensor result = logits.cpu().contiguous();
    std::memcpy(to.data(), result.data_ptr<float>(), result.nbytes());
  }

  // What a step tells: logits, or what the device chose. A graph can hold it.
  Tensor run(const DecodeStep& step, Chooses chooses) const {
    if (chooses == Chooses::host) return decoder.step(decoder.embed(step.tokens()), step, *pool);
    const Tensor logits = decoder.step(decoder.embed(lanes->read(step)), step, *pool);
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
      return run(DecodeStep::on_host(rows, count, pages, gpu != nullptr).to(device()), chooses);
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
    if (const int moves = pool->moves() + lanes->moves(); kept_moves != moves) {
      if (gpu) gpu->mark()->wait();  // one of them may be under way
      kept_steps.clear();
      kept_moves = moves;
    }
    const auto key = std::tuple(step.rows(), step.pages(), chooses);
    if (const auto found = kept_steps.find(key); found != kept_steps.end()) {
      found->second.step.take(step);
      return found->second;
    }
    const DecodeStep nobody = DecodeStep::on_host({}, step.rows(), step.pages(), gpu != nullptr);
    KeptStep kept{nobody.to(device()), {}, {}};
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
    return decoder.step(decoder.embed(ids),
                        DecodeStep::on_host(rows, count, pages, gpu != nullptr).to(device()), *pool);
  }

  at::Device device() const { return placing.options().device(); }

  bool keep_steps;
  std::unique_ptr<cuda::Device> gpu;  // null on the CPU
  Placing placing;
  Decoder decoder;
  std::shared_ptr<KvPool> pool;
  std::shared_ptr<Lanes> lanes;
  std::map<std::tuple<std::int64_t, std::int64_t, Chooses>, KeptStep> kept_steps;  // by rows, pages
  int kept_moves = 0;
};

AtenNetwork::AtenNetwork(const DecoderConfig& config, const DecoderCheckpoint& checkpoint,
                         Precision precision, const std::string& device, bool graphs)
    : impl_([&] {
        const c10::InferenceMode inference;
        return std::make_unique<Impl>(config, checkpoint, precision, device, graphs);
      }()) {}
AtenNetwork::~AtenNetwork() = default;

std::unique_ptr<KvCache> AtenNetwork::new_cache() const { return std::make_unique<PagedCache>(impl_->pool); }

std::size_t AtenNetwork::kv_bytes_per_token() const { return impl_->pool->page_bytes() / page_positions; }
std::size_t AtenNetwork::weight_bytes() const { return impl_->decoder.weight_bytes(); }

void AtenNetwork::read(std::span<const ReadRow> rows) {
  const c10::InferenceMode inference;
  impl_->enter();
  ReadPass pass;
  for (const ReadRow& row : rows) impl_->add(row, pass);
  impl_->decoder.read(pass, *impl_->pool);
}

void AtenNetwork::read_all(const ReadRow& row, std::span<float> logits) {
  const c10::InferenceMode inference;
  impl_->enter();
  ReadPass pass;
  impl_->add(row, pass);
  Impl::copy_out(impl_->decoder.logits_of(impl_->decoder.read(pass, *impl_->pool)), logits);
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
