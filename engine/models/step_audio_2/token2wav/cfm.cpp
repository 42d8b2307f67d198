#include "engine/models/step_audio_2/token2wav/cfm.hpp"

#include <cmath>
#include <map>
#include <numbers>

#include "engine/models/step_audio_2/token2wav/past_in_caches.hpp"

namespace parley::step_audio_2 {
namespace {

using at::Tensor;

constexpr int solver_steps = 10;

struct Schedule {
  std::vector<float> times;    // at which the velocity is asked for
  std::vector<float> lengths;  // of the steps
};

// In float32 and with the time added up, as the reference does: its steps end where the last one began plus
// its length, which is not the next time to the last bit.
Schedule cosine_schedule() {
  const Tensor turns = at::linspace(0, 1, solver_steps + 1, at::TensorOptions(at::kFloat));
  const Tensor table = 1 - at::cos(turns * 0.5 * std::numbers::pi);
  const float* ends = table.const_data_ptr<float>();
  Schedule schedule;
  float time = ends[0];
  for (int step = 0; step < solver_steps; ++step) {
    schedule.times.push_back(time);
    schedule.lengths.push_back(ends[step + 1] - time);
    time += schedule.lengths.back();
  }
  return schedule;
}

// [rows, time, 4 bins]
Tensor estimator_input(const Cfm::Job& job) {
  Tensor input = at::zeros({guidance_rows, job.mu.size(0), 4 * job.mu.size(1)}, job.mu.options());
  job.write_conditions(input);
  return input;
}

// Into the first of the input's four parts. input: [..., time, 4 bins]; mel: what expands to its x
void write_x(const Tensor& input, const Tensor& mel) { input.narrow(-1, 0, mel.size(-1)).copy_(mel); }

}  // namespace

Cfm::Cfm(const weights::Weights& weights, const DitConfig& config, double guidance_rate,
         const layers::Placement& placement)
    : steps_(cosine_schedule().lengths),
      guidance_rate_(guidance_rate),
      estimator_(weights.scope("estimator"), config, cosine_schedule().times, placement) {}

void Cfm::Job::make_room() const {
  cache->attention.make_room(frames());
  cache->new_tails = at::empty_like(cache->tails);
}

// The input is x, mu, speaker, condition; all but x are zero in the row without conditions.
void Cfm::Job::write_conditions(const Tensor& input) const {
  const std::int64_t time = mu.size(0), bins = mu.size(1);
  const Tensor with = input.select(0, 0).narrow(0, 0, time);
  with.narrow(1, bins, bins).copy_(mu);
  with.narrow(1, 2 * bins, bins).copy_(speaker.unsqueeze(0).expand({time, bins}));
  if (condition.defined()) with.narrow(1, 3 * bins, bins).copy_(condition);
}

void Cfm::solve(Crew& crew, std::span<Job> jobs) const {
  for (const Job& job : jobs) job.make_room();
  if (crew.is_team())
    solve_by_rows(crew, jobs);
  else
    solve_stacked(jobs);
}

void Cfm::solve_by_rows(Crew& crew, std::span<Job> jobs) const {
  std::vector<Tensor> inputs;
  for (Job& job : jobs) {
    job.mel = job.noise.clone();
    inputs.push_back(estimator_input(job));
  }
  std::vector<Tensor> velocities(jobs.size() * guidance_rows);  // [time, bins] each
  for (int index = 0; index < steps(); ++index) {
    for (std::size_t i = 0; i < jobs.size(); ++i) write_x(inputs[i], jobs[i].mel);
    crew.run(static_cast<int>(velocities.size()), [&](int task) {
      const std::size_t job = static_cast<std::size_t>(task) / guidance_rows;
      const int row = task % guidance_rows;
      const DitRows rows{.prompt = jobs[job].prompt, .cache = jobs[job].cache, .first = row, .count = 1};
      velocities[static_cast<std::size_t>(task)] =
          estimator_(inputs[job].narrow(0, row, 1), index, PastInCaches({&rows, 1})).squeeze(0);
    });
    for (std::size_t i = 0; i < jobs.size(); ++i)
      jobs[i].mel =
          stepped(jobs[i].mel, index, velocities[guidance_rows * i], velocities[guidance_rows * i + 1]);
  }
}

void Cfm::solve_stacked(std::span<Job> jobs) const {
  std::map<int, std::vector<Job*>> by_length;
  for (Job& job : jobs) by_length[job.frames()].push_back(&job);
  for (const auto& [length, members] : by_length) {
    std::vector<Tensor> noise, inputs;
    std::vector<DitRows> rows;
    for (const Job* job : members) {
      noise.push_back(job->noise);
      inputs.push_back(estimator_input(*job));
      rows.push_back({.prompt = job->prompt, .cache = job->cache, .first = 0, .count = guidance_rows});
    }
    const Tensor mel = solve(at::stack(noise), at::cat(inputs), PastInCaches(rows));
    for (std::size_t i = 0; i < members.size(); ++i) members[i]->mel = mel[static_cast<std::int64_t>(i)];
  }
}

Tensor Cfm::solve(const Tensor& noise, const Tensor& input, const DitPast& past) const {
  Tensor mel = noise;
  for (int index = 0; index < steps(); ++index) {
    write_x(input.unflatten(0, {-1, guidance_rows}), mel.unsqueeze(1));
    const Tensor velocity = estimator_(input, index, past).unflatten(0, {-1, guidance_rows});
    mel = stepped(mel, index, velocity.select(1, 0), velocity.select(1, 1));
  }
  return mel;
}

Tensor Cfm::stepped(const Tensor& mel, int step, const Tensor& with, const Tensor& without) const {
  const double length = steps_[static_cast<std::size_t>(step)];
  return mel + length * ((1 + guidance_rate_) * with - guidance_rate_ * without);
}

}  // namespace parley::step_audio_2
