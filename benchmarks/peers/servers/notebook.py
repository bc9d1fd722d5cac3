"""The 2023 notebook behind HTTP: requests go through both models one at a time."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from benchmarks.peers.servers.arguments import parse
from benchmarks.peers.servers.caption_app import serve
from benchmarks.peers.servers.transformers_pair import Caption, FalconByGenerate, GitByGenerate


def main() -> None:
    """Load both models and serve them until a signal."""
    arguments = parse()
    git = GitByGenerate(arguments.git)
    falcon = FalconByGenerate(arguments.falcon, arguments.adapter)
    one_at_a_time = ThreadPoolExecutor(max_workers=1)

    def both(picture: bytes) -> Caption:
        (answer,) = falcon.caption(git.describe([picture]))
        return answer

    async def caption(picture: bytes) -> Caption:
        return await asyncio.get_running_loop().run_in_executor(one_at_a_time, both, picture)

    serve(caption, model_id=arguments.model_id, port=arguments.port)


if __name__ == "__main__":
    main()
