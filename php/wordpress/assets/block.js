// The block in the editor. It needs no build step, because it uses the libraries that WordPress loads.
(function (blocks, blockEditor, components, element, ServerSideRender) {
  'use strict';

  const el = element.createElement;

  blocks.registerBlockType('pushd-live/feed', {
    edit({ attributes, setAttributes }) {
      return el('div', blockEditor.useBlockProps(),
        el(blockEditor.InspectorControls, null, el(components.PanelBody, { title: 'Pushd Live' },
          el(components.SelectControl, {
            label: 'Show',
            value: attributes.show,
            options: [{ label: 'Posts', value: 'posts' }, { label: 'Comments on this post', value: 'comments' }],
            onChange: show => setAttributes({ show }),
          }),
          el(components.TextControl, {
            label: 'Type of posts',
            value: attributes.type,
            onChange: type => setAttributes({ type }),
          }),
          el(components.RangeControl, {
            label: 'How many to begin with',
            min: 0,
            max: 50,
            value: attributes.count,
            onChange: count => setAttributes({ count }),
          }))),
        el(ServerSideRender, { block: 'pushd-live/feed', attributes }));
    },
    // The server renders it.
    save: () => null,
  });
})(window.wp.blocks, window.wp.blockEditor, window.wp.components, window.wp.element, window.wp.serverSideRender);
