// What does Adobe's own library see and do on a Cloud Manager? One verb per run, the answer as JSON on stdout.
const { PassThrough } = require('stream')
const { init } = require('@adobe/aio-lib-cloudmanager')

const verbs = {
  programs: (sdk) => sdk.listPrograms(),
  pipelines: (sdk, program) => sdk.listPipelines(program),
  environments: (sdk, program) => sdk.listEnvironments(program),
  executions: (sdk, program, pipeline, limit) => sdk.listExecutions(program, pipeline, Number(limit)),
  current: (sdk, program, pipeline) => sdk.getCurrentExecution(program, pipeline),
  execution: (sdk, program, pipeline, execution) => sdk.getExecution(program, pipeline, execution),
  metrics: (sdk, program, pipeline, execution, action) =>
    sdk.getQualityGateResults(program, pipeline, execution, action),
  log: async (sdk, program, pipeline, execution, action) => {
    const sink = new PassThrough()
    const parts = []
    sink.on('data', (part) => parts.push(part))
    await sdk.getExecutionStepLog(program, pipeline, execution, action, sink)
    return Buffer.concat(parts).toString()
  },
  variables: (sdk, program, environment) => sdk.getEnvironmentVariables(program, environment),
  start: (sdk, program, pipeline) => sdk.createExecution(program, pipeline, 'NORMAL'),
  advance: (sdk, program, pipeline) => sdk.advanceCurrentExecution(program, pipeline),
  cancel: (sdk, program, pipeline) => sdk.cancelCurrentExecution(program, pipeline)
}

async function main ([verb, ...given]) {
  const { SIMULATOR_API, SIMULATOR_ORG, SIMULATOR_KEY, SIMULATOR_TOKEN } = process.env
  const sdk = await init(SIMULATOR_ORG, SIMULATOR_KEY, SIMULATOR_TOKEN, SIMULATOR_API)
  const answer = await verbs[verb](sdk, ...given)
  process.stdout.write(JSON.stringify(answer === undefined ? null : answer))
}

main(process.argv.slice(2)).catch((error) => {
  process.stderr.write(`${error.name} ${error.code || ''} ${error.message}\n`)
  process.exit(1)
})
