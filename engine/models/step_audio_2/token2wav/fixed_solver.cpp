#include "engine/models/step_audio_2/token2wav/fixed_solver.hpp"

#include <algorithm>
#include <bit>
#include <memory>
#include <vector>

#include "engine/cuda/device.hpp"

namespace parley::step_audio_2 {
namespace {

using at::Tensor;

constexpr int most_streams = 4;  // more fill a GPU no better, and take more memory
constexpr int frame_step = 10, longest_chunk = 120;
constexpr int usual_chunk = 60;  // 25 tokens and the look-ahead: has room from the start
constexpr int prompt_step = 64, longest_prompt = 1024;

int rounded_up(int count, int step) { return (count + step - 1) / step * step; }

int places_for(std::size_t streams) {
  return static_cast<int>(std::bit_ceil(std::min(streams, std::size_t{most_streams})));
}

int prompt_frames(const Cfm::Job& job) { return static_cast<int>(job.prompt->keys.size(-2)); }

}  // namespace

// The inputs of a pass, which are overwritten for each, and what computes its answer.
struct FixedSolver::Pass {
  Pass(const DitBuffers& buffers, int streams, int frames, int bins, const at::TensorOptions& options)
      : noise(at::zeros({streams, frames, bins}, options)),
        input(at::zeros({streams * guidance_rows, frames, 4 * bins}, options)),
        past(buffers, streams, frames) {}

  Tensor noise;  // [streams, frames, bins]
  Tensor input;  // [streams * guidance_rows, frames, 4 bins]
  PastInBuffers past;
  bool captured = false;               // or tried to
  std::unique_ptr<cuda::Graph> graph;  // null on the CPU, and where none can be captured
  Tensor mel;                          // the graph's answer: [streams, frames, bins]
};

FixedSolver::FixedSolver(const Cfm& cfm, cuda::Device* gpu) : cfm_(cfm), gpu_(gpu) {}
FixedSolver::~FixedSolver() = default;

std::size_t FixedSolver::bytes() const { return buffers_ ? buffers_->bytes() : 0; }

bool FixedSolver::takes(std::span<const Cfm::Job> jobs) const {
  return std::ranges::all_of(jobs, [](const Cfm::Job& job) {
    return job.prompt != nullptr && job.history > 0 && !job.condition.defined() &&
           job.frames() <= longest_chunk && prompt_frames(job) <= longest_prompt;
  });
}

void FixedSolver::solve(std::span<Cfm::Job> jobs) {
  make_room(jobs);
  std::vector<Cfm::Job*> by_length;  // a group's chunks are filled up to its longest
  for (Cfm::Job& job : jobs) by_length.push_back(&job);
  std::ranges::stable_sort(by_length, {}, &Cfm::Job::frames);
  const std::span<Cfm::Job* const> all = by_length;
  for (std::size_t first = 0; first < all.size(); first += most_streams)
    solve_group(all.subspan(first, std::min(all.size() - first, std::size_t{most_streams})));
}

void FixedSolver::make_room(std::span<const Cfm::Job> jobs) {
  DitBuffers::Room room{.streams = places_for(jobs.size()), .history = 0, .prompt = 0, .chunk = usual_chunk};
  for (const Cfm::Job& job : jobs) {
    job.make_room();
    room = room.joined({.streams = 0,
                        .history = job.history,
                        .prompt = rounded_up(prompt_frames(job), prompt_step),
                        .chunk = rounded_up(job.frames(), frame_step)});
  }
  if (buffers_ && buffers_->room().covers(room)) return;
  if (buffers_) room = room.joined(buffers_->room());
  passes_.clear();
  buffers_.reset();  // before there are new ones: there may be no memory for both
  buffers_.emplace(cfm_.estimator(), cfm_.steps(), room);
}

void FixedSolver::solve_group(std::span<Cfm::Job* const> jobs) {
  const Tensor& mu = jobs.front()->mu;
  const int places = places_for(jobs.size()), frames = rounded_up(jobs.back()->frames(), frame_step);
  Pass& pass = passes_
                   .try_emplace({places, frames}, *buffers_, places, frames, static_cast<int>(mu.size(1)),
                                mu.options())
                   .first->second;
  for (std::size_t i = 0; i < jobs.size(); ++i) load(pass, static_cast<int>(i), *jobs[i]);
  const Tensor mel = run(pass);
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    Cfm::Job& job = *jobs[i];
    buffers_->store(static_cast<int>(i), job.frames(), *job.cache);
    // a copy, since the graph's memory is also that of the next one
    job.mel = mel[static_cast<std::int64_t>(i)].narrow(0, 0, job.frames()).clone();
  }
}

void FixedSolver::load(Pass& pass, int place, const Cfm::Job& job) {
  buffers_->load(place, *job.prompt, *job.cache);
  pass.past.show(place, job.cache->attention.frames(), prompt_frames(job), job.frames());
  const Tensor noise = pass.noise[place];
  noise.zero_();
  noise.narrow(0, 0, job.frames()).copy_(job.noise);
  const Tensor input = pass.input.narrow(0, guidance_rows * place, guidance_rows);
  input.zero_();
  job.write_conditions(input);
}

Tensor FixedSolver::run(Pass& pass) {
  if (pass.graph) {
    pass.graph->replay();
    return pass.mel;
  }
  const auto work = [this, &pass] { return cfm_.solve(pass.noise, pass.input, pass.past); };
  const Tensor mel = work();
  // Not before it has run: libraries make themselves ready the first time, which must not be captured.
  if (gpu_ != nullptr && !pass.captured) pass.graph = gpu_->capture([work, &pass] { pass.mel = work(); });
  pass.captured = true;
  return mel;
}

}  // namespace parley::step_audio_2
